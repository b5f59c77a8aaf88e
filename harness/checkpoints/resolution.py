"""Find a checkpoint by its name: what it is, and its identity, without loading its weights."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.checkpoints import hub
from harness.checkpoints.adapter import (
    adapter_identity,
    adapter_weights,
    base_of,
    identity_on,
    is_adapter,
    read_adapter_config,
)  # fmt: skip
from harness.checkpoints.architecture import context_of, objective_of, tells_segments
from harness.checkpoints.config import load_config
from harness.checkpoints.files import (
    ADAPTER_WEIGHTS,
    GENERATION_CONFIG,
    code_files,
    has_vocabulary,
    read_json,
    tokenizer_files,
    weight_files,
)
from harness.checkpoints.identity import HASHES, folder_identity
from harness.checkpoints.names import Lineage, Name, lineage, parse
from harness.checkpoints.pruned import pruning_of
from harness.checkpoints.resolved import Resolved
from harness.checkpoints.tokenizer import load_tokenizer, tokenizer_hash
from harness.checkpoints.weights import count_parameters, present_weights
from harness.errors import HarnessError, nearest
from harness.results.record import CheckpointInfo

WEIGHT_ENDINGS = (".safetensors", ".bin", ".index.json")
MAKER_FILE = "harness.json"
Permission = bool | Collection[str]
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
    name: str, *, offline: bool = False, trust_remote_code: Permission = False, allow_pickle: Permission = False,
    above: tuple[str, ...] = (),
) -> Resolved:  # fmt: skip
    """Find a checkpoint; of a Hub repository only config and tokenizer are fetched.

    An adapter is a checkpoint too: its base is found with it, and what it does not say it has from there.

    Args:
        name: Hub ``org/name[@revision]``, or a folder.
        offline: read the local cache alone (so does ``HF_HUB_OFFLINE``).
        trust_remote_code: code that the repository brings may run; or the names of those whose code may.
        allow_pickle: weights may be pickled, which can run code, where there are no safetensors; or names as above.
        above: adapters that led here.

    Raises:
        HarnessError: it cannot be found, fetched, or used; the message says which and how to mend it.
    """
    parsed = parse(name)
    offline, code = hub.is_offline(offline), permits(trust_remote_code, name)
    if parsed.local:
        found = in_folder(parsed, name, allow_pickle=permits(allow_pickle, name))
    else:
        found = on_hub(parsed, name, offline=offline, code=code, allow_pickle=permits(allow_pickle, name))
    if is_adapter(found.files):
        base = resolve_base(found, name, above, offline=offline, code=trust_remote_code, pickle=allow_pickle)
        return on_base(parsed, name, found, base, offline=offline)
    config = load_config(found.folder, name, remote_code=code)
    tokenizer = hash_of_tokenizer(found, name, code, offline=offline and not parsed.local)
    objective = objective_of(config, name)
    made = told_by_maker(parsed, found)
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
        remote_code=code,
        offline=offline,
        segments=tells_segments(config) or not gives_segments(found, name, code),
        pruning=pruning_of(config, name),
    )


def permits(permission: Permission, name: str) -> bool:
    """Whether a permission is given to a name."""
    return permission if isinstance(permission, bool) else name in permission


def resolve_base(
    found: Found, name: str, above: tuple[str, ...], *, offline: bool, code: Permission, pickle: Permission
) -> Resolved:
    """Find what an adapter stands on.

    Raises:
        HarnessError: the adapter cannot be merged, or its base cannot be found, fetched or used.
    """
    read_adapter_config(found.folder, name)
    base = base_of(found.folder, name)
    try:
        if base in (*above, name):
            raise HarnessError(f"it leads back to itself: {' on '.join((*above, name, base))}")
        return resolve(
            base, offline=offline, trust_remote_code=code, allow_pickle=pickle, above=(*above, name)
        )  # fmt: skip
    except HarnessError as error:
        raise HarnessError(
            f"the base of adapter {name} cannot be had ({base}, by base_model_name_or_path in its adapter_config.json; "
            f"write there where it lies, should it have moved): {error}"
        ) from error


def on_base(parsed: Name, name: str, found: Found, base: Resolved, *, offline: bool) -> Resolved:
    """An adapter, with all that it does not say itself from its base; a tokenizer of its own goes before the base's."""
    own = has_vocabulary(found.folder, found.files)
    tokenizer = hash_of_tokenizer(found, name, remote_code=False) if own else base.tokenizer
    found = replace(found, identity=identity_on(found.identity, base.identity), parameters=base.info.parameters)
    made = {"parent": base.name} | told_by_maker(parsed, found)
    info = describe(name, lineage(parsed), found, made, objective=base.objective, architecture=base.architecture,
                    tokenizer=tokenizer)  # fmt: skip
    return replace(
        base, name=name, path=parsed.path, revision=found.commit, identity=found.identity, tokenizer=tokenizer,
        info=info, folder=str(found.folder) if own else base.folder, weights=found.weights, offline=offline, base=base,
        adapter_folder=str(found.folder), remote_code=base.remote_code and not own,
    )  # fmt: skip


def on_hub(parsed: Name, name: str, *, offline: bool, code: bool, allow_pickle: bool) -> Found:
    """A Hub repository: fetch its config and tokenizer (and code), and choose its weights without fetching them."""
    snapshot = hub.find(parsed, offline=offline)
    files = snapshot.files
    told = tuple(name for name in (MAKER_FILE, GENERATION_CONFIG) if name in files)
    wanted = (*tokenizer_files(files), *told, *(code_files(files) if code else ()))
    hub.fetch(parsed, snapshot.commit, wanted, offline=offline)
    # Offline the files are those in the cache: there may be no weights among them, and planning needs none.
    if is_adapter(files):
        weights = () if offline and ADAPTER_WEIGHTS not in files else adapter_weights(files, name)
        return Found(snapshot.commit, snapshot.commit, snapshot.folder, files, weights, None)
    unseen = offline and not any(file.endswith(WEIGHT_ENDINGS) for file in files)
    weights = () if unseen else weight_files(files, name, allow_pickle=allow_pickle)
    return Found(snapshot.commit, snapshot.commit, snapshot.folder, files, weights, snapshot.parameters)


def in_folder(parsed: Name, name: str, *, allow_pickle: bool) -> Found:
    """A local folder, whose identity is the hash of the files that matter."""
    folder = Path(parsed.path)
    files = tuple(sorted(path.name for path in folder.iterdir() if path.is_file()))
    if is_adapter(files):
        weights = present_weights(folder, adapter_weights(files, name), name)
        count_parameters(folder, weights, name)  # says so where the file was cut off
        return Found(adapter_identity(folder, files), None, folder, files, weights, None)
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


def gives_segments(found: Found, name: str, remote_code: bool) -> bool:
    """Whether the tokenizer gives segment ids, remembered by the checkpoint's identity."""

    def ask() -> str:
        names = load_tokenizer(found.folder, name, remote_code=remote_code).model_input_names
        return "given" if "token_type_ids" in names else "none"

    return HASHES.remembered(f"segments|{found.identity}", ask) == "given"


def told_by_maker(parsed: Name, found: Found) -> dict[str, Any]:
    """What ``harness.json`` says of a checkpoint; on the Hub a file of that name may be another program's, and is left alone."""
    if parsed.local:
        return maker_facts(found.folder)
    if MAKER_FILE not in found.files:
        return {}
    facts = read_json(found.folder / MAKER_FILE)
    ours = set(facts) <= MAKER_KEYS and isinstance(facts.get("run"), str) and isinstance(facts.get("made"), dict)
    return facts if ours else {}


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
