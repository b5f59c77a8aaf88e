"""Find a checkpoint by its name: what it is, and its identity, without loading its weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.checkpoints import hub
from harness.checkpoints.architecture import context_of, objective_of
from harness.checkpoints.config import load_config
from harness.checkpoints.files import code_files, has_vocabulary, read_json, tokenizer_files, weight_files
from harness.checkpoints.identity import HASHES, folder_identity
from harness.checkpoints.names import Lineage, Name, lineage, parse
from harness.checkpoints.resolved import Resolved
from harness.checkpoints.tokenizer import load_tokenizer, tokenizer_hash
from harness.checkpoints.weights import count_parameters, present_weights
from harness.errors import HarnessError, nearest
from harness.results.record import CheckpointInfo

WEIGHT_ENDINGS = (".safetensors", ".bin", ".index.json")
MAKER_FILE = "harness.json"
MAKER_KEYS = {"run", "step", "training_seed", "corpus", "objective", "parent", "made"}


@dataclass(frozen=True, slots=True)
class Found:
    """A checkpoint's files, wherever they lie."""

    identity: str
    commit: str | None
    folder: Path
    files: tuple[str, ...]
    weights: tuple[str, ...]
    parameters: int | None


def resolve(
    name: str, *, offline: bool = False, trust_remote_code: bool = False, allow_pickle: bool = False
) -> Resolved:
    """Find a checkpoint; of a Hub repository only config and tokenizer are fetched.

    Args:
        name: Hub ``org/name[@revision]``, or a folder.
        offline: read the local cache alone (so does ``HF_HUB_OFFLINE``).
        trust_remote_code: code that the repository brings may run.
        allow_pickle: weights may be pickled, which can run code, where there are no safetensors.

    Raises:
        HarnessError: it cannot be found, fetched, or used; the message says which and how to mend it.
    """
    parsed = parse(name)
    offline = hub.is_offline(offline)
    if parsed.local:
        found = in_folder(parsed, name, allow_pickle=allow_pickle)
    else:
        found = on_hub(parsed, name, offline=offline, code=trust_remote_code, allow_pickle=allow_pickle)
    config = load_config(found.folder, name, remote_code=trust_remote_code)
    tokenizer = hash_of_tokenizer(found, name, trust_remote_code, offline=offline and not parsed.local)
    objective = objective_of(config, name)
    made = maker_facts(found.folder) if parsed.local else {}
    info = describe(name, lineage(parsed), found, made, objective=objective, architecture=config.model_type,
                    tokenizer=tokenizer)  # fmt: skip
    return Resolved(
        name=name,
        path=parsed.path,
        revision=found.commit,
        identity=found.identity,
        objective=objective,
        architecture=config.model_type,
        context=context_of(config, name),
        tokenizer=tokenizer,
        info=info,
        folder=str(found.folder),
        weights=found.weights,
        remote_code=trust_remote_code,
        offline=offline,
    )


def on_hub(parsed: Name, name: str, *, offline: bool, code: bool, allow_pickle: bool) -> Found:
    """A Hub repository: fetch its config and tokenizer (and code), and choose its weights without fetching them."""
    snapshot = hub.find(parsed, offline=offline)
    files = snapshot.files
    hub.fetch(parsed, snapshot.commit, (*tokenizer_files(files), *(code_files(files) if code else ())), offline=offline)
    # Offline the files are those in the cache: there may be no weights among them, and planning needs none.
    unseen = offline and not any(file.endswith(WEIGHT_ENDINGS) for file in files)
    weights = () if unseen else weight_files(files, name, allow_pickle=allow_pickle)
    return Found(snapshot.commit, snapshot.commit, snapshot.folder, files, weights, snapshot.parameters)


def in_folder(parsed: Name, name: str, *, allow_pickle: bool) -> Found:
    """A local folder, whose identity is the hash of the files that matter."""
    folder = Path(parsed.path)
    files = tuple(sorted(path.name for path in folder.iterdir() if path.is_file()))
    if "config.json" not in files:
        listed = ", ".join(files[:6]) or "nothing"
        raise HarnessError(f"folder {name} holds no config.json (found {listed}); expected what save_pretrained writes")
    weights = present_weights(folder, weight_files(files, name, allow_pickle=allow_pickle), name)
    identity = folder_identity(folder, (*weights, *tokenizer_files(files)))
    return Found(identity, None, folder, files, weights, count_parameters(folder, weights, name))


def hash_of_tokenizer(found: Found, name: str, remote_code: bool, *, offline: bool = False) -> str:
    """Hash of what the tokenizer does, remembered by the checkpoint's identity."""
    if not has_vocabulary(found.folder, found.files):
        if offline:
            raise HarnessError(
                f"the tokenizer of {name} is not in the cache and --offline forbids to fetch it; run once without"
            )
        raise HarnessError(
            f"checkpoint {name} has no tokenizer: found {', '.join(tokenizer_files(found.files)) or 'no file of one'}; "
            "expected tokenizer.json or a vocabulary beside config.json (tokenizer.save_pretrained writes them)"
        )
    return HASHES.remembered(
        f"tokenizer|{found.identity}",
        lambda: tokenizer_hash(load_tokenizer(found.folder, name, remote_code=remote_code)),
    )


def maker_facts(folder: Path) -> dict[str, Any]:
    """What the maker of a folder wrote of it in ``harness.json``; no part of its identity.

    Raises:
        HarnessError: the file holds a key that is not known.
    """
    path = folder / MAKER_FILE
    facts = read_json(path) if path.is_file() else {}
    for key in facts:
        if key not in MAKER_KEYS:
            raise HarnessError(f"{path} has an unknown key {key!r}; {nearest(key, MAKER_KEYS)}")
    return facts


def describe(
    name: str, told: Lineage, found: Found, made: dict[str, Any], *, objective: str, architecture: str, tokenizer: str
) -> CheckpointInfo:
    """The line for ``checkpoints.jsonl``; what the maker wrote comes before what the name tells."""
    facts = {"run": told.run, "step": told.step, "training_seed": told.training_seed, "objective": objective} | made
    return CheckpointInfo(
        identity=found.identity,
        names=(name,),
        commit=found.commit,
        architecture=architecture,
        tokenizer=tokenizer,
        parameters=found.parameters,
        **facts,
    )
