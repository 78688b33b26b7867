"""One job of Mapperatorinator: `python run.py REQUEST.json`, started in the folder of its checkout. The way that loads its model for
every job, for checkouts that runner.py cannot drive.

REQUEST.json is {"config": "v32", "args": {"gamemode": 0, ...}}. The arguments are set on the composed config as data: no
override grammar and no interpolation ever sees them, so a title `${oc.env:HOME}` is that title. What is printed is the
program's own, except for the names of this machine's folders; after an exception the last line is `Failed: <type>: <text>`.
"""

import io
import json
import os
import sys
import traceback
from datetime import timedelta
from pathlib import Path
from typing import Optional


class Relay(io.TextIOWrapper):
    """Stdout and stderr as one stream, in the order of writing, without the names of this machine's folders."""

    def __init__(self, names):
        os.dup2(1, 2)  # what native code writes to stderr comes the same way
        super().__init__(open(1, "wb", closefd=False), encoding="utf-8", errors="backslashreplace", newline="")
        self.names = names

    def write(self, text):
        for folder in sorted(self.names, key=len, reverse=True):
            text = text.replace(folder, self.names[folder])
        # A bar begins with its \r, so a reader of lines would see each one only when the next comes.
        super().write(text[1:] + "\r" if text.startswith("\r") else text)
        self.flush()
        return len(text)


def folder_names(job_folder=""):
    """The folders of this machine and what they are called instead."""
    folders = {
        os.getcwd(): "<engine>",
        str(job_folder): "<job>",
        str(Path(__file__).resolve().parent): "<runner>",
        sys.prefix: "<python>",
        sys.base_prefix: "<python>",
        os.path.expanduser("~"): "<home>",
    }
    return {folder: name for folder, name in folders.items() if len(folder) > 1}


def mend_hold_notes():
    """The program's reader of beatmaps wants the end of a hold note alone, but the game and the program itself write
    `end:sample`: a beatmap with hold notes could not be given, and nothing be added to one."""
    try:
        from slider.beatmap import HoldNote
    except ImportError:
        return

    def parse(cls, position, time, hitsound, new_combo, combo_skip, rest):
        end, _, sample = rest[0].partition(":")
        end_time = timedelta(milliseconds=int(end))
        return cls(position, time, hitsound, end_time, sample or "0:0:0:0:", new_combo, combo_skip)

    HoldNote._parse = classmethod(parse)


def compose_config(name):
    import config  # noqa: F401  registers the schemas that the config files build on
    mend_hold_notes()
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    folder = Path("configs/inference").resolve()
    known = sorted(path.stem for path in folder.glob("*.yaml") if path.stem != "default")
    if name not in known:
        raise LookupError(f"Unknown model {name!r}; the checkout has {', '.join(known)}.")
    with initialize_config_dir(version_base="1.1", config_dir=str(folder)):
        return OmegaConf.to_object(compose(config_name=name))


# Set for every job, by us and not by a client: a version without them does without.
OURS = {"tags", "background", "device", "use_server"}


def assign(cfg, args):
    from osuT5.osuT5.tokenizer import ContextType

    for key, value in args.items():
        if not hasattr(cfg, key):
            if key in OURS:
                continue
            raise LookupError(f"This version of Mapperatorinator has no parameter {key!r}.")
        if key in ("in_context", "output_type"):
            value = [ContextType[name] for name in value]
        setattr(cfg, key, as_declared(cfg, key, value))


def as_declared(cfg, key, value):
    """JSON has one kind of number, and the program's libraries refuse 1 where they want 1.0."""
    field = getattr(type(cfg), "__dataclass_fields__", {}).get(key)
    is_float = field is not None and field.type in (float, Optional[float])
    return float(value) if is_float and type(value) is int else value


def lora_names(args):
    """The operator's folder of LoRAs, and what it is called instead."""
    return {os.path.dirname(args["lora_path"]): "<loras>"} if args.get("lora_path") else {}


class DeviceUnavailable(Exception):
    """The GPU that this process was given cannot be used, or one that is there would silently be left out."""


def choose_device():
    """Which device the program is to use, by what this process was given in CUDA_VISIBLE_DEVICES: a GPU must be usable, `-1` is the
    CPU, and without it whatever there is, but never the CPU beside a GPU that torch cannot use. Raises DeviceUnavailable."""
    import torch

    given = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    if given == "-1":
        return "cpu"
    if torch.cuda.is_available():
        (torch.ones(1, device="cuda") + 1).item()  # a build without kernels for this GPU fails here, not after minutes
        return "cuda"
    if given == "" and torch.backends.mps.is_available():
        return "mps"
    if given == "" and not any(os.path.exists(path) for path in ("/dev/nvidia0", "/proc/driver/nvidia/version")):
        return "cpu"
    raise DeviceUnavailable(why_no_cuda(torch))


def why_no_cuda(torch):
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is a build without CUDA"
    try:
        torch.cuda.init()
    except Exception as error:
        return first_line(error)
    return "torch sees no such GPU"


def first_line(error):
    return (str(error).strip().splitlines() or [""])[0]


def describe(error):
    """`<type>: <first line>`, with the module of a type that is not Python's own."""
    kind = type(error)
    name = kind.__name__ if kind.__module__ in ("builtins", "__main__", __name__) else f"{kind.__module__}.{kind.__name__}"
    return f"{name}: {first_line(error)}"


def seed_again(program):
    """Has the program take the seed once more before it generates: a LoRA and the model of positions draw numbers as they are loaded, and
    where they are kept warm they are not loaded."""
    generate, seed = getattr(program, "generate", None), getattr(program, "setup_inference_environment", None)
    if generate is None or seed is None:
        return

    def seeded(args, *rest, **keywords):
        seed(args.seed)
        return generate(args, *rest, **keywords)

    program.generate = seeded


def run(request_path, relay):
    request = json.loads(request_path.read_text(encoding="utf-8"))
    cfg = compose_config(request["config"])
    if os.path.isabs(cfg.model_path):
        relay.names[cfg.model_path] = "<model>"
    assign(cfg, {**request["args"], "device": choose_device()})
    relay.names.update(lora_names(request["args"]))

    import inference

    seed_again(inference)
    inference.main(cfg)


def main():
    request_path = Path(sys.argv[1]).resolve()
    sys.path[0] = os.getcwd()  # the program's modules, not the folder of this file
    relay = Relay(folder_names(request_path.parent))
    sys.stdout = sys.stderr = relay
    try:
        run(request_path, relay)
    except Exception as error:
        traceback.print_exc()
        print(f"Failed: {describe(error)}")
        sys.exit(1)


if __name__ == "__main__":
    main()
