"""What this Python has: `python probe.py packages|device`, started in the folder of the checkout. For `npm run doctor`.

Prints JSON objects, one a line, and ends with code 0 whatever it finds. It needs nothing but Python (3.6 or newer).
packages: {"python": {version, executable}}
          {"packages": {NAME: version or null}}      by their metadata: nothing heavy is imported
          {"slider_is_fork": bool or null}           whether it is the branch that the program was written for
          {"runner": [..]}                           what runner.py calls and this checkout has not; null where it was not looked at
device:   {"torch", "gpu_build", "mps", "nvidia": {driver, openable} or null, "devices", "name", "total_bytes", "free_bytes", "error",
           "torchaudio_error"}      torchaudio is imported too: a build for another torch fails there
"""

import ast
import json
import os
import sys
from pathlib import Path

PACKAGES = (
    "torch torchaudio nnAudio transformers tokenizers huggingface-hub accelerate hydra-core omegaconf numpy scipy pandas "
    "tqdm einops safetensors packaging psutil pydub slider audioop-lts peft rosu-pp-py flash-attn"
)


def say(**facts):
    print(json.dumps(facts), flush=True)


def attempt(function, otherwise=None):
    try:
        return function()
    except Exception:
        return otherwise


def package_versions():
    from importlib import metadata

    versions = {name: attempt(lambda name=name: metadata.version(name)) for name in PACKAGES.split()}
    # The program only imports these two: an empty module of the name will do, and a folder of its own called datasets does.
    for name in ("wandb", "datasets"):
        versions[name] = attempt(lambda name=name: metadata.version(name)) or ("stub" if find(name) else None)
    return versions


def find(name):
    from importlib import util

    return attempt(lambda: util.find_spec(name))


def slider_is_fork():
    """Read and not imported, for that needs other packages."""
    found = find("slider")
    if found is None:
        return None
    text = Path(found.submodule_search_locations[0], "beatmap.py").read_text(encoding="utf-8")
    return "def bpm_max" in text and "background" in text


def what_runner_misses():
    """By the table in runner.py, in the source of the checkout: importing it would take many seconds."""
    table = literals(Path(__file__).with_name("runner.py"))
    names, parameters = definitions(Path("inference.py"))
    missing = []
    for name, keywords in table["CALLED"].items():
        if name not in names:
            missing.append(name + "()")
        elif name in parameters:
            lacking = sorted(set(keywords.split()) - parameters[name])
            missing += ["{}({})".format(name, ", ".join(lacking))] if lacking else []
    for module in table["BARS"]:
        path = Path(*module.split(".")).with_suffix(".py")
        if not path.is_file() or "tqdm" not in path.read_text(encoding="utf-8"):
            missing.append(str(path))
    return missing


def literals(path):
    """The constants of a module, by their names."""
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = attempt(lambda: ast.literal_eval(node.value))
            found[node.targets[0].id] = value
    return found


def definitions(path):
    """The names that a module has at its top, and the parameters of the functions that it defines itself."""
    names, parameters = set(), {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
            parameters[node.name] = {arg.arg for arg in node.args.args + node.args.kwonlyargs}
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update(alias.asname or alias.name for alias in node.names)
    return names, parameters


def nvidia():
    """The driver's version, and whether this user may open the devices; null where there is no NVIDIA device."""
    version = attempt(lambda: Path("/proc/driver/nvidia/version").read_text(encoding="utf-8"))
    if version is None and not os.path.exists("/dev/nvidia0"):
        return None
    numbers = [word for word in (version or "").split() if word.replace(".", "").isdigit() and "." in word]
    device = "/dev/nvidia0"
    return {
        "driver": numbers[0] if numbers else None,
        "openable": not os.path.exists(device) or os.access(device, os.R_OK | os.W_OK),
    }


def device():
    facts = {"torch": None, "gpu_build": None, "mps": False, "nvidia": nvidia(), "devices": 0}
    facts.update(name=None, total_bytes=None, free_bytes=None, error=None, torchaudio_error=None)
    try:
        import torch

        cuda, hip = torch.version.cuda, getattr(torch.version, "hip", None)
        facts["torch"] = torch.__version__
        facts["gpu_build"] = "CUDA " + cuda if cuda else "ROCm " + hip if hip else None
        facts["mps"] = torch.backends.mps.is_available()
        if facts["gpu_build"] and os.environ.get("CUDA_VISIBLE_DEVICES") != "-1":
            torch.cuda.init()
            facts["devices"] = torch.cuda.device_count()
            facts["name"] = torch.cuda.get_device_name(0)
            facts["free_bytes"], facts["total_bytes"] = torch.cuda.mem_get_info(0)
            torch.ones(1, device="cuda").add_(1).item()  # a build without kernels for this GPU fails here
    except BaseException as error:
        facts["error"] = describe(error)
    if facts["torch"] and find("torchaudio"):
        try:
            import torchaudio.transforms  # noqa: F401
        except BaseException as error:
            facts["torchaudio_error"] = describe(error)
    return facts


def describe(error):
    return "{}: {}".format(type(error).__name__, (str(error).strip().splitlines() or [""])[0])


def main():
    sys.path[0] = os.getcwd()  # as the program sees its modules
    if sys.argv[1] == "device":
        say(**device())
        return
    say(python={"version": ".".join(map(str, sys.version_info[:3])), "executable": sys.executable})
    say(packages=package_versions())
    say(slider_is_fork=attempt(slider_is_fork))
    say(runner=attempt(what_runner_misses))


if __name__ == "__main__":
    main()
