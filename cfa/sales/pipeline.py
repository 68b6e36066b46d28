"""The opportunity: the newest word on each field wins, and its stage says where it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cfa.model import PIPELINES, Pipeline, Stage, Step
from cid.kit.definitions import Definitions, Title

LEAD = "lead"
"""Where an opportunity stands that nobody has qualified yet."""
QUOTED = "quoted"
FIELDS = ("title", "stage", "amount", "currency", "owner", "close_date", "pipeline", "product")
USUAL = Pipeline(
    stages={
        "prospecting": Stage(title=Title(en="Prospecting", zh="接触"), probability=0.1),
        "qualified": Stage(title=Title(en="Qualified", zh="已确认"), probability=0.3),
        "quoted": Stage(title=Title(en="Quoted", zh="已报价"), probability=0.6),
        "won": Stage(title=Title(en="Won", zh="赢单"), probability=1, closed=True, won=True),
        "lost": Stage(title=Title(en="Lost", zh="丢单"), probability=0, closed=True),
    }
)
"""The pipeline of a company that has defined none."""


def pipelines_of(definitions: Definitions) -> dict[str, Pipeline]:
    """Return the company's pipelines, or the usual one."""
    entries = definitions.of(PIPELINES)
    return {name: entry.value for name, entry in entries.items()} or {"sales": USUAL}


def fold_opportunity(steps: Sequence[Step], pipelines: Mapping[str, Pipeline]) -> dict[str, Any]:
    """Return the opportunity as its steps left it, in the order in which they happened."""
    values: dict[str, Any] = dict.fromkeys(FIELDS, "") | {"amount": None, "discount": None}
    origin = loop = ""
    quoted = since = None
    for step in steps:
        said = {name: each for name, each in step.fields.items() if each not in ("", None)}
        if step.kind == "opened":
            origin = origin or said.get("origin", "")
            said.setdefault("stage", values["stage"] or LEAD)
        elif step.kind == "quoted":
            quoted = step.at
            if _before(values["stage"], QUOTED, _pipeline(values["pipeline"], pipelines)):
                said["stage"] = QUOTED
        loop = loop or said.get("loop", "")
        if str(said.get("stage", values["stage"])).casefold() != values["stage"].casefold():
            since = step.at
        values.update({name: each for name, each in said.items() if name in values})
    stages = _pipeline(values["pipeline"], pipelines).stages
    values["stage"] = stage_name(values["stage"] or next(iter(stages)), stages)
    state = state_of(values["stage"], stages)
    begun = steps[0].at
    return {
        **values,
        "pipeline": values["pipeline"] or next(iter(pipelines), ""),
        "state": state,
        "origin": origin,
        "opened_at": begun,
        "stage_since": since if since is not None else begun,
        "quoted_at": quoted,
        "closed_at": since if state != "open" else None,
        "loop": loop,
    }


def stage_name(stage: str, stages: Mapping[str, Stage]) -> str:
    """Return how our pipeline writes a stage that a system may write in its own way.

    >>> stage_name("Won", USUAL.stages), stage_name("Engaging", USUAL.stages)
    ('won', 'Engaging')
    """
    return next((name for name in stages if name.casefold() == stage.casefold()), stage)


def state_of(stage: str, stages: Mapping[str, Stage]) -> str:
    """Return open, won or lost."""
    known = stages.get(stage)
    if known is not None:
        return "won" if known.won else "lost" if known.closed else "open"
    word = stage.casefold().removeprefix("closed ")
    return word if word in ("won", "lost") else "open"


def _pipeline(name: str, pipelines: Mapping[str, Pipeline]) -> Pipeline:
    return pipelines.get(name) or next(iter(pipelines.values()), USUAL)


def _before(stage: str, other: str, pipeline: Pipeline) -> bool:
    names = [name.casefold() for name in pipeline.stages]
    if other not in names:
        return False
    stage = stage.casefold()
    return stage not in names or names.index(stage) < names.index(other)
