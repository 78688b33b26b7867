#!/usr/bin/env bash
# Installs the public model Mapperatorinator for this service: a checkout at the version that the service is written for, a Python
# environment with pinned packages, and the weights; then it writes what the service must know into .env and runs the doctor.
#
#   bash scripts/setup-mapperatorinator.sh [--torch cuda|cpu] [--models v32,v32-mini|none] [--dir FOLDER] [--torch-index URL]
#
#   --torch        which build of PyTorch; without it cuda where an NVIDIA card is seen, else cpu (on a Mac: the one for its GPU)
#   --torch-index  where that build comes from, for a GPU or driver that the usual one does not fit; see pytorch.org/get-started/locally
#   --models       whose weights to download (v32 alone is the best); `none` on a host without internet, see docs/operating.md
#   --dir          where all of it goes: checkout/, venv/, huggingface/. Default: ./mapperatorinator
#
# It may be run again at any time: what is there already stays, what is missing or of another version is put right. It needs git,
# Python 3.10 to 3.13 (PYTHON=python3.12 names another than python3), some 10 GB for CUDA or 3 GB for the CPU, and internet. Behind a
# mirror set what git and pip know: GIT_CONFIG_COUNT with url.<mirror>.insteadOf, PIP_INDEX_URL, HF_ENDPOINT.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

repository=https://github.com/OliBomby/Mapperatorinator.git
commit=3b7c69aefa0a002f05e451693b78ff4c8fee80f4
requirements=scripts/mapperatorinator-requirements.txt

torch=''
torch_index=''
models=v32
dir=mapperatorinator

usage() { sed -n '2,15s/^# \{0,1\}//p' "scripts/$(basename "${BASH_SOURCE[0]}")"; }
say() { printf '\n== %s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

while [ $# -gt 0 ]; do
  case "$1" in
    --help | -h) usage; exit 0 ;;
    --torch | --torch-index | --models | --dir) [ $# -ge 2 ] || fail "$1 needs a value." ;;
    *) usage >&2; fail "Cannot read \"$1\"." ;;
  esac
  case "$1" in
    --torch) torch=$2 ;;
    --torch-index) torch_index=$2 ;;
    --models) models=$2 ;;
    --dir) dir=$2 ;;
  esac
  shift 2
done

has_nvidia() { [ -e /dev/nvidia0 ] || [ -e /proc/driver/nvidia/version ] || command -v nvidia-smi > /dev/null; }

if [ -z "$torch" ]; then
  torch=cpu
  if has_nvidia; then torch=cuda; fi
fi
case "$torch" in
  cuda) : "${torch_index:=https://download.pytorch.org/whl/cu128}" ;;
  cpu) if [ "$(uname)" != Darwin ]; then : "${torch_index:=https://download.pytorch.org/whl/cpu}"; fi ;;
  *) fail "--torch is cuda or cpu, not \"$torch\"." ;;
esac

python=${PYTHON:-python3}
command -v git > /dev/null || fail 'git is needed (Debian, Ubuntu: apt-get install git).'
"$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' \
  || fail "Python 3.10 to 3.13 is needed; $python is $("$python" -V 2>&1 || true). PYTHON=python3.12 names another."
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
home=$dir/checkout
venv=$dir/venv
# Further weights go where the service looks for them already.
configured() { if [ -f .env ]; then sed -n "s/^$1=//p" .env | tail -n 1 | sed 's/^"\(.*\)"$/\1/'; fi; }
HF_HOME=${HF_HOME:-$(configured HF_HOME)}
export HF_HOME=${HF_HOME:-$dir/huggingface}

say "Checkout: $home"
if [ "$(git -C "$home" rev-parse HEAD 2> /dev/null || true)" = "$commit" ]; then
  echo "It is at $commit already."
else
  # Only this version and not its history. A folder with changes of somebody's own makes git stop here, which is right.
  git init --quiet "$home"
  git -C "$home" fetch --quiet --depth 1 "$repository" "$commit"
  git -C "$home" -c advice.detachedHead=false checkout --quiet "$commit"
fi

say "Packages: $venv (PyTorch for ${torch})"
if [ ! -x "$venv/bin/python" ]; then
  "$python" -m venv "$venv" || fail 'The module venv is needed (Debian, Ubuntu: apt-get install python3-venv).'
fi
pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }
pairs=()
while read -r line; do pairs+=("$line"); done < <(grep -E '^(torch|torchaudio)==' "$requirements")
# A build for the CPU satisfies the pin of one for the GPU, so that pip alone would keep the wrong one.
if [ "$torch" = cuda ] && "$venv/bin/python" -c 'import sys, torch; sys.exit(torch.version.cuda is not None)' 2> /dev/null; then
  pip uninstall --quiet --yes torch torchaudio
fi
pip install --quiet "${pairs[@]}" ${torch_index:+--index-url "$torch_index"}
pip install --quiet -r "$requirements"
# The program imports wandb, which reports on trainings, and never uses it here: an empty module does, without its 100 MB of packages.
"$venv/bin/python" - << 'STUB'
import importlib.util, pathlib, sysconfig

if importlib.util.find_spec("wandb") is None:
    stub = pathlib.Path(sysconfig.get_path("purelib"), "wandb.py")
    stub.write_text('"""Empty: Mapperatorinator imports it, and making maps never uses it."""\n')
STUB

if [ "$models" != none ]; then
  say "Weights: $HF_HOME"
  hf() { HF_HUB_OFFLINE=0 "$venv/bin/hf" download --quiet "$@" > /dev/null && echo "$1"; }
  # Read for every model, whichever its size; the weights of Whisper itself are not needed.
  for size in base small; do hf "openai/whisper-$size" config.json; done
  for model in ${models//,/ }; do
    [ -f "$home/configs/inference/$model.yaml" ] || fail "The checkout has no model \"$model\"."
    # The model, with the folders gamemode=N that it may have, and what places its objects where it uses that.
    repositories=$("$venv/bin/python" - "$home/configs/inference" "$model" << 'NAMES'
import pathlib, sys, yaml

folder, model = pathlib.Path(sys.argv[1]), sys.argv[2]
config = {}
for layer in ("default", model):
    config.update(yaml.safe_load((folder / f"{layer}.yaml").read_text(encoding="utf-8")))
print("model", config["model_path"])
if config.get("generate_positions"):
    print("positions", config["diff_ckpt"])
NAMES
)
    while read -r kind id; do
      if [ "$kind" = model ]; then hf "$id" --include '*.json' '*.safetensors'; else hf "$id" tokenizer.pkl model_ema.pkl; fi
    done <<< "$repositories"
  done
fi

say 'Settings: .env'
[ -f .env ] || cp .env.example .env
# Sets a variable that is not there, empty, or as the example has it; what somebody has chosen stays.
setting() {
  local name=$1 value=$2 example=${3:-} now new
  now=$(configured "$name")
  if [ "$now" = "$value" ]; then
    echo "$name=$value (as it was)"
  elif [ -n "$now" ] && [ "$now" != "$example" ]; then
    echo "$name=$now stays; this installation is $value"
  else
    new=$(NAME=$name VALUE=$value awk '
      index($0, ENVIRON["NAME"] "=") == 1 { $0 = ENVIRON["NAME"] "=" ENVIRON["VALUE"]; found = 1 }
      { print }
      END { if (!found) print ENVIRON["NAME"] "=" ENVIRON["VALUE"] }' .env)
    printf '%s\n' "$new" > .env # in place: it may be for one user's eyes only
    echo "$name=$value"
  fi
}
setting MAPPERATORINATOR_HOME "$home"
setting PYTHON "$venv/bin/python" python3
setting HF_HOME "$HF_HOME"

say 'Doctor'
exec npm run --silent doctor
