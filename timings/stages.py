"""The demo's stages on this machine: seconds, rows a second, memory, and the targets they are held to.

python timings/stages.py            runs the demo afresh in a temporary folder, then prints the table
python timings/stages.py FOLDER     prints the table of a finished run
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

TOTAL_SECONDS, MEMORY_MB, EARLY_SECONDS, TRAINING_ROWS = 240.0, 4096.0, 5.0, 2_100_000


def measure(folder: Path) -> None:
    """Run the demo in a folder of its own, in a process of its own."""
    subprocess.run([sys.executable, "-m", "assay.app.cli", "demo", "--folder", str(folder)], check=True)


def lines(folder: Path) -> list[str]:
    """The table, one line per stage, then the targets."""
    cost = json.loads((folder / "cost.json").read_text())
    summary = json.loads((folder / "summary.json").read_text())
    seconds, samples = cost["seconds"], summary["samples"]
    rows = {
        "collect": summary.get("log", {}).get("events", 0) + summary.get("log", {}).get("rejected", 0),
        "samples": sum(samples.values()),
        "value": samples["train"],
    }
    rows |= {"clean": rows["collect"], "train": samples["train"], "select": samples["train"], "evaluate": samples["test"]}
    out = [f"{os.cpu_count()} cores", f"{'stage':<12}{'seconds':>9}{'rows':>12}{'rows/s':>12}"]
    for stage, spent in seconds.items():
        handled = rows.get(stage, 0)
        shown = f"{handled:>12,}{handled / spent:>12,.0f}" if handled and spent else ""
        out.append(f"{stage:<12}{spent:>9.1f}{shown}")
    total = sum(seconds.values())
    early = seconds.get("collect", 0.0) + seconds.get("clean", 0.0)
    out.append("")
    out.append(_target("whole run, seconds", total, TOTAL_SECONDS))
    out.append(_target("peak memory, MB", cost["peak_rss_mb"], MEMORY_MB))
    out.append(_target("collect and clean, seconds", early, EARLY_SECONDS))
    reached = "reached" if samples["train"] <= TRAINING_ROWS else "missed"
    out.append(f"{'training samples':<28}{samples['train']:>12,}  target at most {TRAINING_ROWS:,}: {reached}")
    return out


def _target(name: str, found: float, target: float) -> str:
    return f"{name:<28}{found:>12,.1f}  target {target:,.0f}: {'reached' if found <= target else 'missed'}"


def main(arguments: list[str]) -> None:
    """Measure if no folder is given, then print."""
    if arguments:
        print("\n".join(lines(Path(arguments[0]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder) / "demo")
        print("\n".join(lines(Path(folder) / "demo")))


if __name__ == "__main__":
    main(sys.argv[1:])
