"""Writes weights of 8 MB in place of the published ones, so that the real program runs where no weights can be downloaded.

    cd CHECKOUT && python tiny-checkpoint.py FOLDER

FOLDER then serves as HF_HOME: it has `OliBomby/Mapperatorinator-v32` with a submodel for mania, and the two Whisper configs that the
program always reads. The maps are noise: every token is drawn from one fixed distribution, which has been chosen so that a beat is
heard and a window ends after about as many tokens as a real one. torchaudio is not needed.
"""

import json
import math
import os
import sys
from pathlib import Path

REVISION = "0" * 40  # where a commit stands
WHISPER = {
    "model_type": "whisper",
    "d_model": 64,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 128,
    "decoder_ffn_dim": 128,
    "dropout": 0.0,
    "activation_function": "gelu",
    "init_std": 0.02,
}
# Shares of the kinds of tokens.
SHARES = {
    "TIME_SHIFT": 0.45,
    "BEAT": 0.14,
    "MEASURE": 0.06,
    "TIMING_POINT": 0.002,
    "CIRCLE": 0.15,
    "NEW_COMBO": 0.05,
    "POS": 0.05,
    "POS_X": 0.03,
    "POS_Y": 0.03,
    "HITSOUND": 0.02,
    "VOLUME": 0.02,
}
END = 0.03
END_OF_CONTEXT = 0.01


def snapshot(home, name):
    """The folder of a repository in the Hugging Face cache."""
    repository = home / "hub" / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True, exist_ok=True)
    (repository / "refs" / "main").write_text(REVISION)
    folder = repository / "snapshots" / REVISION
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def distribution(tokenizer, torch, kinds):
    shares = torch.full((tokenizer.vocab_size_out,), 1e-9)
    for name, share in SHARES.items():
        kind = kinds[name]
        if kind in tokenizer.event_start:
            first, end = tokenizer.event_start[kind], tokenizer.event_end[kind]
            shares[first:end] += share / (end - first)
    shares[tokenizer.eos_id] += END
    for token in tokenizer.context_eos.values():
        shares[token] += END_OF_CONTEXT
    return shares / shares.sum()


def make_model(train, tokenizer, torch):
    from osuT5.osuT5.model import Mapperatorinator
    from osuT5.osuT5.tokenizer import EventType
    from osuT5.osuT5.utils.model_utils import _get_model_config

    torch.manual_seed(0)
    model = Mapperatorinator(_get_model_config(train, tokenizer, torch.float32, "sdpa")).eval()
    with torch.no_grad():
        # A decoder that passes its input on: (1, -1, 0, ...) has no mean, so the norms keep its direction.
        for name, weights in model.transformer.get_decoder().named_parameters():
            if not ("norm" in name and name.endswith("weight")):
                weights.zero_()
        embedding = model.get_input_embeddings().weight
        embedding.zero_()
        embedding[:, 0], embedding[:, 1] = 1, -1
        head = model.transformer.get_output_embeddings().weight
        head.zero_()
        head[:, 0] = torch.log(distribution(tokenizer, torch, EventType)) / math.sqrt(embedding.shape[1] / 2)
    return model


def main():
    home = Path(sys.argv[1]).resolve()
    os.environ.update(HF_HOME=str(home), HF_HUB_OFFLINE="1")
    sys.path[0] = os.getcwd()
    for size in ("base", "small"):
        (snapshot(home, f"openai/whisper-{size}") / "config.json").write_text(json.dumps(WHISPER))
    mappers = home / "mappers.json"
    mappers.write_text('{"1": 2, "2": 3}')

    import config  # noqa: F401  registers the schemas
    import torch
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf
    from osuT5.osuT5.tokenizer import Tokenizer

    with initialize_config_dir(version_base="1.1", config_dir=str(Path("configs/inference").resolve())):
        composed = compose(
            config_name="v32",
            overrides=[
                "train.data.dataset_type=ors",
                "train.data.descriptor_source=local",
                "train.data.descriptors_path=datasets/beatmap_descriptors.csv",
                f"train.data.mappers_path='{mappers}'",
                "train.model.spectrogram.implementation=nnAudio",
            ],
        )
    train = OmegaConf.to_object(composed).train
    tokenizer = Tokenizer(train)
    model = make_model(train, tokenizer, torch)
    repository = snapshot(home, "OliBomby/Mapperatorinator-v32")
    for folder in (repository, repository / "gamemode=3"):
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main()
