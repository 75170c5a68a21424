"""The page in headless Chromium, wide and narrow: nothing overflows, nothing complains."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from assay.app import report

pytestmark = pytest.mark.browser
# The page itself runs no script, so it is measured from outside, in a frame as wide as a screen.
OUTSIDE = """<!doctype html><meta charset="utf-8"><iframe id="page" style="border:0;width:{width}px;height:900px"></iframe>
<pre id="found"></pre><script>
const page = document.getElementById("page");
page.onload = () => {{
  const inside = page.contentDocument, wide = [];
  for (const one of inside.querySelectorAll("body *")) {{
    if (one.closest(".scroll, nav")) continue;
    const box = one.getBoundingClientRect();
    if (box.width > 0 && box.right > {width} + 1) wide.push(one.tagName + "." + one.className);
  }}
  const sections = inside.querySelectorAll("section").length;
  document.getElementById("found").textContent =
    JSON.stringify([inside.documentElement.scrollWidth, wide.slice(0, 5), sections]);
}};
page.srcdoc = {source};
</script>"""


def dump(chromium: str, folder: Path, name: str) -> str:
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom"]
    command += [f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr", f"file://{folder / name}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "CONSOLE" not in done.stderr, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits(width, run, tmp_path, chromium):
    source = report.write(run).read_text(encoding="utf-8")
    text = OUTSIDE.format(width=width, source=json.dumps(source).replace("</", "<\\/"))
    (tmp_path / "outside.html").write_text(text, encoding="utf-8")
    found = re.search(r'<pre id="found">(.*?)</pre>', dump(chromium, tmp_path, "outside.html"))
    assert found is not None
    scroll, wide, sections = json.loads(found[1].replace("&quot;", '"'))
    assert wide == []
    assert scroll <= width
    assert sections == len(report.PARTS)
