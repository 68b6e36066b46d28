"""From the XML of DMN to a decision model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from cid.kit.errors import InvalidInput
from context.adapters.xml import Element
from context.diagrams import UNNAMED, DecisionModel


class Reading:
    """One document on its way into a model."""

    def __init__(self, root: Element, known: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self._root = root
        self._known = known or {}
        self._ids: dict[str, str] = {}
        self._words: dict[str, str] = {}
        self._prefixes = {
            prefix: uri for each in _all(root) for prefix, uri in each.namespaces.items()
        }
        for each in root.all(
            "inputData", "decision", "businessKnowledgeModel", "decisionService", "knowledgeSource"
        ):
            self._ids[each.get("id")] = _name(each)
        for each in root.all("import"):
            if is_model(each):
                # Without a name of its own an import is as if it were written here.
                word = _name(each) or UNNAMED * (1 + len(self._words))
                self._words[each.get("namespace")] = word

    def model(self) -> DecisionModel:
        """Give the model that the document describes."""
        root = self._root
        found: dict[str, Any] = {
            "namespace": root.get("namespace"),
            "ids": {id_: name for id_, name in self._ids.items() if id_},
            "imports": {word: namespace for namespace, word in self._words.items()},
            "types": {_name(each): self._item(each) for each in root.all("itemDefinition")},
            "inputs": {_name(each): self._variable(each) for each in root.all("inputData")},
            "decisions": {_name(each): self._decision(each) for each in root.all("decision")},
            "functions": {
                _name(each): self._knowledge(each) for each in root.all("businessKnowledgeModel")
            },
            "services": {
                _name(each): self._service(each) for each in root.all("decisionService")
            },
        }  # fmt: skip
        title = " ".join(root.get("name").split())
        if title:
            found["title"] = {"en": title}
        try:
            return DecisionModel.model_validate(found)
        except ValidationError as error:
            said = error.errors()[0]
            place = ", ".join(str(part) for part in said["loc"])
            raise InvalidInput(f"The decision model is wrong: {place}: {said['msg']}.") from error

    # Types.

    def _type(self, text: str) -> str:
        """Give the name of a type; a prefix says whose it is."""
        text = " ".join(text.split())
        prefix, colon, rest = text.partition(":")
        if not colon:
            return text
        uri = self._prefixes.get(prefix, "")
        if uri in self._words:
            word = self._words[uri]
            return rest if word.startswith(UNNAMED) else f"{word}.{rest}"
        if uri or prefix == "feel":
            return rest
        return text

    def _item(self, element: Element) -> dict[str, Any]:
        item: dict[str, Any] = {
            "type": self._type(element.get("typeRef") or element.text_of("typeRef")),
            "parts": {_name(each): self._item(each) for each in element.all("itemComponent")},
            "list": element.get("isCollection") == "true",
        }
        for name, key in (("allowedValues", "allowed"), ("typeConstraint", "constraint")):
            said = element.one(name)
            if said is not None:
                item[key] = said.text_of("text")
        function = element.one("functionItem")
        if function is not None:
            item["parameters"] = {
                _name(each): self._type(each.get("typeRef")) for each in function.all("parameters")
            }
            item["type"] = self._type(function.get("outputTypeRef"))
        return item

    def _variable(self, element: Element) -> str:
        variable = element.one("variable")
        return self._type(variable.get("typeRef")) if variable is not None else ""

    # Elements of the requirement graph.

    def _reference(self, element: Element) -> str:
        namespace, hash_, id_ = element.get("href").rpartition("#")
        if hash_ and namespace in self._words and namespace != self._root.get("namespace"):
            word, name = self._words[namespace], self._known.get(namespace, {}).get(id_, id_)
            return name if word.startswith(UNNAMED) else f"{word}.{name}"
        return self._ids.get(id_, id_)

    def _needs(self, element: Element) -> list[str]:
        found = []
        for requirement in element.all("informationRequirement", "knowledgeRequirement"):
            for each in requirement.all("requiredInput", "requiredDecision", "requiredKnowledge"):
                name = self._reference(each)
                if name not in found:
                    found.append(name)
        return found

    def _decision(self, element: Element) -> dict[str, Any]:
        return {
            "needs": self._needs(element),
            "type": self._variable(element),
            "is": self._only(element),
            "question": " ".join(element.text_of("question").split()),
        }

    def _knowledge(self, element: Element) -> dict[str, Any]:
        found: dict[str, Any] = {"needs": self._needs(element), "type": self._variable(element)}
        logic = element.one("encapsulatedLogic")
        if logic is not None:
            said = self._logic(logic)
            found |= {key: said[key] for key in ("parameters", "kind", "is")}
            found["type"] = said["type"] or found["type"]
        return found

    def _service(self, element: Element) -> dict[str, Any]:
        def named(kind: str) -> list[str]:
            return [self._reference(each) for each in element.all(kind)]

        return {
            "type": self._variable(element),
            "outputs": named("outputDecision"),
            "decides": named("encapsulatedDecision"),
            "given": named("inputDecision"),
            "inputs": named("inputData"),
        }

    # Expressions.

    def _only(self, element: Element | None) -> Any:
        """Give the one expression within an element."""
        for part in element.parts if element is not None else ():
            made = self.expression(part)
            if made is not None:
                return made
        return None

    def expression(self, element: Element) -> dict[str, Any] | None:
        """Give a boxed expression; nothing where the element is none."""
        read: Callable[[Element], dict[str, Any]] | None = getattr(
            self, f"_{element.name.lower()}", None
        )
        if read is None or element.name not in _BOXES:
            return None
        made = read(element)
        type_ = self._type(element.get("typeRef"))
        return {**made, "type": type_} if type_ else made

    def _literalexpression(self, element: Element) -> dict[str, Any]:
        text = element.one("text")
        language = element.get("expressionLanguage") or self._root.get("expressionLanguage")
        made: dict[str, Any] = {"feel": text.text.strip() if text is not None else "null"}
        if element.one("importedValues") is not None:
            language = "An imported value"
        if language and not language.rstrip("/").lower().endswith("feel"):
            made["language"] = language
        return made

    def _decisiontable(self, element: Element) -> dict[str, Any]:
        hit = element.get("hitPolicy") or "UNIQUE"
        aggregation = element.get("aggregation")
        inputs = []
        for clause in element.all("input"):
            asked = clause.one("inputExpression")
            inputs.append(
                {
                    "feel": asked.text_of("text") if asked is not None else clause.get("label"),
                    "type": self._type(asked.get("typeRef")) if asked is not None else "",
                    "values": _within(clause, "inputValues"),
                    "label": clause.get("label"),
                }
            )
        outputs = [
            {
                "name": " ".join(clause.get("name").split()),
                "type": self._type(clause.get("typeRef")),
                "values": _within(clause, "outputValues"),
                "default": _within(clause, "defaultOutputEntry"),
                "label": clause.get("label"),
            }
            for clause in element.all("output")
        ]
        rules = list(element.all("rule"))
        rows = [
            [
                *(each.text_of("text") or "-" for each in rule.all("inputEntry")),
                *(each.text_of("text") for each in rule.all("outputEntry")),
            ]
            for rule in rules
        ]
        notes = [_within(rule, "annotationEntry") for rule in rules]
        table: dict[str, Any] = {"inputs": inputs, "outputs": outputs, "rows": rows}
        table["hit"] = " ".join([hit, _AGGREGATIONS.get(aggregation, "")]).strip()
        if any(notes):
            table["notes"] = notes
        return {"table": table}

    def _context(self, element: Element) -> dict[str, Any]:
        entries = []
        for entry in element.all("contextEntry"):
            variable = entry.one("variable")
            entries.append(
                {
                    "name": _name(variable) if variable is not None else "",
                    "type": self._type(variable.get("typeRef")) if variable is not None else "",
                    "is": self._only(entry),
                }
            )
        return {"context": entries}

    def _list(self, element: Element) -> dict[str, Any]:
        made = [self.expression(part) for part in element.parts]
        return {"list": [each for each in made if each is not None]}

    def _relation(self, element: Element) -> dict[str, Any]:
        columns = list(element.all("column"))
        rows = [
            [made for made in map(self.expression, row.parts) if made is not None]
            for row in element.all("row")
        ]
        types = [self._type(each.get("typeRef")) for each in columns]
        said = {"columns": [_name(each) for each in columns], "rows": rows}
        return {"relation": {**said, "types": types} if any(types) else said}

    def _logic(self, element: Element) -> dict[str, Any]:
        return {
            "parameters": {
                _name(each): self._type(each.get("typeRef"))
                for each in element.all("formalParameter")
            },
            "kind": element.get("kind") or "FEEL",
            "is": self._only(element),
            "type": self._type(element.get("typeRef")),
        }

    def _functiondefinition(self, element: Element) -> dict[str, Any]:
        return {"function": {**self._logic(element), "type": ""}}

    def _invocation(self, element: Element) -> dict[str, Any]:
        given = {}
        for binding in element.all("binding"):
            parameter = binding.one("parameter")
            if parameter is not None:
                given[_name(parameter)] = self._only(binding)
        return {"call": self._only(element), "with": given}

    def _conditional(self, element: Element) -> dict[str, Any]:
        return {word: self._only(element.one(word)) for word in ("if", "then", "else")}

    def _turning(self, element: Element, word: str, body: str) -> dict[str, Any]:
        return {
            word: element.get("iteratorVariable"),
            "in": self._only(element.one("in")),
            body: self._only(element.one(body)),
        }

    def _for(self, element: Element) -> dict[str, Any]:
        return self._turning(element, "for", "return")

    def _some(self, element: Element) -> dict[str, Any]:
        return self._turning(element, "some", "satisfies")

    def _every(self, element: Element) -> dict[str, Any]:
        return self._turning(element, "every", "satisfies")

    def _filter(self, element: Element) -> dict[str, Any]:
        return {
            "filter": self._only(element.one("in")),
            "where": self._only(element.one("match")),
        }


_AGGREGATIONS = {"SUM": "sum", "COUNT": "count", "MIN": "min", "MAX": "max"}
_BOXES = frozenset(
    {
        *("literalExpression", "decisionTable", "context", "list", "relation", "invocation"),
        *("functionDefinition", "conditional", "for", "some", "every", "filter"),
    }
)


def is_model(element: Element) -> bool:
    """Tell whether an import is of a decision model."""
    return "dmn" in element.get("importType").lower()


def _name(element: Element) -> str:
    return " ".join(element.get("name").split())


def _within(element: Element, name: str) -> str:
    part = element.one(name)
    return part.text_of("text") if part is not None else ""


def _all(root: Element) -> Iterable[Element]:
    waiting = [root]
    while waiting:
        element = waiting.pop()
        yield element
        waiting.extend(element.parts)
