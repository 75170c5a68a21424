"""What stages cost, against what they are known to do."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from assay.runs.costs import BY_STAGE, Cost, Meter, of_stages, read_costs, with_stage, write_costs

MEMORY = 200  # MB


def test_a_stage_that_computes_waits_and_takes_memory():
    meter = Meter()
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass
    time.sleep(0.3)
    before = meter.read()
    assert 0.25 < before.processor < before.seconds - 0.25
    taken = np.ones(MEMORY << 17)
    cost = meter.read()
    assert taken.nbytes / 2**20 == MEMORY
    assert cost.peak_mb > before.peak_mb + 0.8 * MEMORY


@pytest.mark.skipif(sys.platform != "linux", reason="the peak begins again on Linux alone")
def test_memory_of_an_earlier_stage_is_not_counted_again():
    taken = np.ones(MEMORY << 17)
    most = Meter().read().peak_mb
    del taken
    assert Meter().read().peak_mb < most - 0.8 * MEMORY


def test_processes_that_have_ended_are_counted():
    meter = Meter()
    busy = "import time\nwhile time.process_time() < 0.5: pass"
    subprocess.run([sys.executable, "-c", busy], check=True)
    assert meter.read().processor > 0.45


def test_costs_are_kept_by_stage(tmp_path: Path):
    assert read_costs(tmp_path) == {"peak_rss_mb": 0.0} | {name: {} for name in BY_STAGE}
    (tmp_path / "a").write_bytes(b"12345")
    costs = with_stage(read_costs(tmp_path), "clean", Cost(1.5, 2.25, 300.0), [tmp_path / "a"])
    costs = with_stage(costs, "train", Cost(2.0, 3.0, 200.0), [])
    write_costs(tmp_path, costs | {"valuers": {"loss": 1.0}})
    assert read_costs(tmp_path) == {
        "seconds": {"clean": 1.5, "train": 2.0},
        "processor_seconds": {"clean": 2.25, "train": 3.0},
        "peak_mb": {"clean": 300.0, "train": 200.0},
        "written_bytes": {"clean": 5, "train": 0},
        "peak_rss_mb": 300.0,
        "valuers": {"loss": 1.0},
    }
    assert of_stages(read_costs(tmp_path), {"train"})["peak_mb"] == {"train": 200.0}


def test_costs_of_a_former_version_are_read(tmp_path: Path):
    (tmp_path / "cost.json").write_text(json.dumps({"seconds": {"train": 3.0}, "peak_rss_mb": 100.0}))
    assert read_costs(tmp_path)["processor_seconds"] == {}
    assert with_stage(read_costs(tmp_path), "value", Cost(1, 1, 1), [])["seconds"] == {"train": 3.0, "value": 1}
