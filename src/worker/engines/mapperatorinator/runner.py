"""Mapperatorinator kept warm: `python runner.py [MODEL]`, started in the folder of its checkout, on the device that it was given.

One JSON object a line. On stdin:
  {"run": NAME, "folder": PATH, "config": "v32", "args": {"gamemode": 0, ...}}   one job after the other
  {"cancel": NAME}   taken between two tokens; another job's name does nothing
and the end of stdin ends the process. On stdout, each with "event":
  refused {unsupported, error}                      nothing can be run here, and the process ends
  ready {device, device_name, memory_bytes}         jobs are taken; MODEL is loaded
  output {line} · loading · loaded                  while a job runs
  stage {title, length?} · window {done, total}
  done {seconds: {loading, generating}, resident_bytes} · cancelled · failed {error}     how it ended
The arguments are set on a config composed anew for each job, as data: no override grammar and no interpolation ever sees them.
"""

import gc
import importlib
import inspect
import io
import json
import logging
import os
import queue
import re
import sys
import tempfile
import threading
import time
import traceback

from run import assign, choose_device, compose_config, describe, folder_names, lora_names

# A generation takes 2.0 to 2.2 GiB beside its weights (measured by the public fork IslamTayeb on an RTX 2080 Ti). With less left,
# models that the job does not need are dropped.
SPARE_BYTES = 3 * 2**30
TITLE = re.compile(r"Generating (\w+)$|seq len (\d+)$")
BARS = ("osuT5.osuT5.inference.processor", "osuT5.osuT5.inference.super_timing_generator", "diffusion_pipeline")
CALLED = {
    "compile_args": "verbose",
    "compile_device_and_seed": "verbose",
    "setup_inference_environment": "seed",
    "resolve_model_checkpoint_path": "gamemode auto_select_gamemode_model",
    "load_model_with_server": "use_server precision attn_implementation lora_path gamemode auto_select_gamemode_model",
    "should_load_separate_timing_model": "args",
    "load_diff_model": "ckpt_path diff_args device",
    "get_config": "args",
    "generate": "generation_config beatmap_config model tokenizer timing_model timing_tokenizer diff_model diff_tokenizer "
    "refine_model verbose logger",
}


class Cancelled(BaseException):
    """Not an Exception: nothing in the program may take it for one of its own."""


class Unsupported(Exception):
    """This version of the program lacks what is called here."""


class Wire:
    """The protocol's stdout. Whatever else writes to stdout writes to stderr."""

    def __init__(self):
        self.stream = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace")
        os.dup2(2, 1)

    def say(self, event, **facts):
        self.stream.write(json.dumps({"event": event, **facts}) + "\n")
        self.stream.flush()


class Output(io.TextIOBase):
    """Stdout and stderr of the program as lines, in the order of writing, without the names of this machine's folders."""

    encoding = "utf-8"  # bars are drawn with it

    def __init__(self, wire):
        self.wire = wire
        self.names = folder_names()
        self.rest = ""

    def write(self, text):
        # A bar begins with its \r, and is a line as soon as it is drawn.
        self.rest += text[1:] + "\n" if text.startswith("\r") else text
        *lines, self.rest = self.rest.split("\n")
        for line in filter(str.strip, lines):
            self.wire.say("output", line=self.clean(line)[:2000])
        return len(text)

    def clean(self, text):
        for folder in sorted(self.names, key=len, reverse=True):
            text = text.replace(folder, self.names[folder])
        return text


class Inbox:
    """Jobs and cancels, read beside the work. When the other end is gone, so is this process."""

    def __init__(self):
        self.jobs = queue.Queue()
        self.running = None
        self.cancelled = None
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in sys.stdin:
            message = json.loads(line)
            if "cancel" in message:
                self.cancelled = message["cancel"]
            else:
                self.jobs.put(message)
        os._exit(0)

    def next(self):
        job = self.jobs.get()
        self.running = job["run"]
        return job

    def check(self, *_hook):
        if self.running is not None and self.cancelled == self.running:
            raise Cancelled


class Models:
    """What is loaded, the least recently used first."""

    def __init__(self, program, inbox):
        self.program = program
        self.inbox = inbox
        self.held = {}

    def take(self, args):
        """All that generate() needs for these arguments, by its keywords. Loads what is not there."""
        program, needed, found = self.program, [], {}

        def get(key, load):
            needed.append(key)
            self.held[key] = self.held.pop(key, None) or load()
            return self.held[key]

        def network(own, lora):
            source = program.resolve_model_checkpoint_path(
                args.model_path, gamemode=args.gamemode, auto_select_gamemode_model=own
            )
            key = (*map(str, source), lora, args.precision, args.attn_implementation)
            return get(key, lambda: self.load(args, own, lora))

        found["model"], found["tokenizer"] = network(args.auto_select_gamemode_model, args.lora_path)
        if program.should_load_separate_timing_model(args):
            found["timing_model"], found["timing_tokenizer"] = network(False, None)
        if args.generate_positions:
            positions = lambda path: get((path,), lambda: program.load_diff_model(path, args.diffusion, args.device))
            found["diff_model"], found["diff_tokenizer"] = positions(args.diff_ckpt)
            if os.path.exists(args.diff_refine_ckpt):
                found["refine_model"] = positions(args.diff_refine_ckpt)[0]
        for key in [key for key in self.held if key not in needed]:
            if memory_left(args.device) > SPARE_BYTES:
                break
            del self.held[key]
            release(args.device)
        return found

    def load(self, args, own, lora):
        model, tokenizer = self.program.load_model_with_server(
            args.model_path,
            args.train,
            args.device,
            use_server=False,
            precision=args.precision,
            attn_implementation=args.attn_implementation,
            lora_path=lora,
            gamemode=args.gamemode,
            auto_select_gamemode_model=own,
        )
        model.register_forward_pre_hook(self.inbox.check)  # a window can take many seconds: a cancel does not wait for its end
        return model, tokenizer


def memory_left(device):
    """Bytes that are free where the models are."""
    if device == "cuda":
        import torch

        kept = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()  # by torch, for what comes next
        return torch.cuda.mem_get_info()[0] + kept
    import psutil

    return psutil.virtual_memory().available


def release(device):
    gc.collect()
    if device == "cuda":
        import torch

        torch.cuda.empty_cache()


def describe_device(device):
    import psutil

    if device == "cuda":
        import torch

        facts = torch.cuda.get_device_properties(0)
        return {"device": device, "device_name": facts.name, "memory_bytes": facts.total_memory}
    return {"device": device, "device_name": None, "memory_bytes": psutil.virtual_memory().total}


def import_program():
    """The program's module `inference`, when it has all that is called here. Raises Unsupported, with what is missing."""
    import config  # noqa: F401  registers the schemas that the config files build on
    import inference

    for name, keywords in CALLED.items():
        function = getattr(inference, name, None)
        if function is None:
            raise Unsupported(f"inference.py has no {name}()")
        missing = set(keywords.split()) - set(inspect.signature(function).parameters)
        if missing:
            raise Unsupported(f"{name}() of inference.py does not take {', '.join(sorted(missing))}")
    return inference


def watch_windows(wire, inbox):
    """Has the program's bars say where they are and look at the cancel, and its titles name the stage."""
    import tqdm
    import tqdm.auto

    class Windows(tqdm.tqdm):
        depth = 0

        def __iter__(self):
            total, done = len(self.iterable), 0
            Windows.depth += 1
            try:
                for item in super().__iter__():
                    inbox.check()
                    if Windows.depth == 1:
                        wire.say("window", done=done, total=total)
                    yield item
                    done += 1
                if Windows.depth == 1:
                    wire.say("window", done=done, total=total)
            finally:
                Windows.depth -= 1

    def say_title(text="", *rest, **keywords):
        found = TITLE.match(str(text))
        if found:
            title, length = found.groups()
            wire.say("stage", title=title or "positions", **({"length": int(length)} if length else {}))
        print(text, *rest, **keywords)

    tqdm.auto.tqdm = Windows  # the sampler of positions imports it when it begins
    for name in BARS:
        module = importlib.import_module(name)
        if not hasattr(module, "tqdm"):
            raise Unsupported(f"{name} has no bar")
        module.tqdm = Windows
        module.print = say_title


class Service:
    def __init__(self, wire, output, inbox):
        self.wire, self.output, self.inbox = wire, output, inbox
        self.program = import_program()
        watch_windows(wire, inbox)
        self.device = choose_device()
        self.models = Models(self.program, inbox)
        # Left to itself the program adds a handler with every job, and says everything once more.
        self.logger = logging.getLogger("mapperatorinator")
        self.logger.setLevel(logging.INFO)
        self.logger.propagate = False
        self.logger.addHandler(logging.StreamHandler(output))

    def preload(self, model):
        args = compose_config(model)
        assign(args, {"device": self.device, "gamemode": 0, "seed": 0})
        self.program.compile_device_and_seed(args, verbose=False)
        self.program.setup_inference_environment(args.seed)
        self.models.take(args)

    def run(self, job):
        """Seconds of loading and of generating."""
        began = time.monotonic()
        self.inbox.check()
        self.output.rest = ""  # half of a line is the last job's
        self.output.names = {**folder_names(job["folder"]), **lora_names(job["args"])}
        tempfile.tempdir = os.environ["TMPDIR"] = job["folder"]  # goes with the job
        os.environ["MAPPERATORINATOR_ATTEMPT"] = job["run"]  # whom a program works for that is started on the way, as process.ts reads it
        args = compose_config(job["config"])
        if os.path.isabs(args.model_path):
            self.output.names[args.model_path] = "<model>"
        assign(args, {**job["args"], "device": self.device})
        self.program.compile_args(args)
        self.program.setup_inference_environment(args.seed)
        self.wire.say("loading")
        models = self.models.take(args)
        self.wire.say("loaded")
        generation_config, beatmap_config = self.program.get_config(args)
        # Once more: a model that had to be loaded may have drawn numbers, one that was there has not.
        self.program.setup_inference_environment(args.seed)
        loaded = time.monotonic()
        self.program.generate(
            args,
            generation_config=generation_config,
            beatmap_config=beatmap_config,
            logger=self.logger,
            **models,
        )
        return {"loading": round(loaded - began, 3), "generating": round(time.monotonic() - loaded, 3)}

    def serve(self):
        import psutil

        while True:
            job = self.inbox.next()
            try:
                seconds = self.run(job)
                self.wire.say("done", seconds=seconds, resident_bytes=psutil.Process().memory_info().rss)
            except Cancelled:
                self.wire.say("cancelled")
            except Exception as error:
                traceback.print_exc()
                self.wire.say("failed", error=self.output.clean(describe(error)))
            self.inbox.running = None


def main():
    wire = Wire()
    output = Output(wire)
    sys.stdout = sys.stderr = output
    sys.path[0] = os.getcwd()  # the program's modules, not the folder of this file
    inbox = Inbox()
    try:
        service = Service(wire, output, inbox)
        if len(sys.argv) > 1:
            service.preload(sys.argv[1])
    except Exception as error:
        traceback.print_exc()
        wire.say("refused", unsupported=isinstance(error, Unsupported), error=output.clean(describe(error)))
        os._exit(1)
    wire.say("ready", **describe_device(service.device))
    service.serve()


if __name__ == "__main__":
    main()
