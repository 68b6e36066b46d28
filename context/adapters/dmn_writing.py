"""From a decision model to the XML of DMN 1.5."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from context import diagrams
from context.diagrams import UNNAMED, DecisionModel

MODEL = "https://www.omg.org/spec/DMN/20230324/MODEL/"
FEEL = "https://www.omg.org/spec/DMN/20230324/FEEL/"
_FORBIDDEN = re.compile("[^\\w.-]")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def ids_of(model: DecisionModel) -> dict[str, str]:
    """Give by id the names of a model's elements: an id is made of the name."""
    found: dict[str, str] = {}
    for name in (*model.inputs, *model.decisions, *model.functions, *model.services):
        id_ = "_" + _FORBIDDEN.sub("_", name)
        while id_ in found:
            id_ += "_"
        found[id_] = name
    return found


class Writing:
    """One model on its way into a document."""

    def __init__(self, model: DecisionModel, others: Mapping[str, DecisionModel]) -> None:
        self._model = model
        self._ids = {name: id_ for id_, name in ids_of(model).items()}
        self._theirs: dict[str, dict[str, str]] = {}
        for namespace, other in others.items():
            named = ids_of(other) if not other.ids else other.ids
            self._theirs[namespace] = {name: id_ for id_, name in named.items()}

    def document(self) -> bytes:
        """Give the whole document."""
        model = self._model
        title = model.title.en if model.title else "model"
        namespace = model.namespace or "urn:icustomer:model"
        root = Element("definitions", {"xmlns": MODEL, "namespace": namespace, "name": title})
        root.set("id", "_definitions")
        root.set("expressionLanguage", FEEL)
        root.set("typeLanguage", FEEL)
        for word, wanted in model.imports.items():
            name = "" if word.startswith(UNNAMED) else word
            said = {"namespace": wanted, "name": name, "importType": MODEL}
            SubElement(root, "import", said)
        for name, item in model.types.items():
            self._item(SubElement(root, "itemDefinition", {"name": name}), item)
        for name, type_ in model.inputs.items():
            self._variable(self._named(root, "inputData", name), name, type_)
        for name, knowledge in model.functions.items():
            self._knowledge(root, name, knowledge)
        for name, decision in model.decisions.items():
            self._decision(root, name, decision)
        for name, service in model.services.items():
            self._service(root, name, service)
        indent(root)
        written: bytes = tostring(root, "utf-8")
        return b'<?xml version="1.0" encoding="UTF-8"?>\n' + written + b"\n"

    def _named(self, root: Element, tag: str, name: str) -> Element:
        return SubElement(root, tag, {"name": name, "id": self._ids[name]})

    def _variable(self, element: Element, name: str, type_: str) -> None:
        self._typed(SubElement(element, "variable", {"name": name}), type_)

    def _typed(self, element: Element, type_: str) -> Element:
        if type_:
            element.set("typeRef", type_)
        return element

    def _text(self, element: Element, tag: str, text: str, type_: str = "") -> Element:
        made = self._typed(SubElement(element, tag), type_)
        SubElement(made, "text").text = _NO_XML.sub("\ufffd", text)
        return made

    def _item(self, element: Element, item: diagrams.Item) -> None:
        if item.list:
            element.set("isCollection", "true")
        if item.parameters is not None:
            function = SubElement(element, "functionItem")
            if item.type:
                function.set("outputTypeRef", item.type)
            for name, type_ in item.parameters.items():
                self._typed(SubElement(function, "parameters", {"name": name}), type_)
            return
        if item.type:
            SubElement(element, "typeRef").text = item.type
        if item.constraint:
            self._text(element, "typeConstraint", item.constraint)
        if item.allowed:
            self._text(element, "allowedValues", item.allowed)
        for name, part in item.parts.items():
            self._item(SubElement(element, "itemComponent", {"name": name}), part)

    def _href(self, name: str) -> str:
        word, dot, rest = name.partition(".")
        namespace = self._model.imports.get(word) if dot else None
        if namespace is not None:
            return f"{namespace}#{self._theirs.get(namespace, {}).get(rest, rest)}"
        if name in self._ids:
            return f"#{self._ids[name]}"
        for word, namespace in self._model.imports.items():
            if word.startswith(UNNAMED) and name in self._theirs.get(namespace, {}):
                return f"{namespace}#{self._theirs[namespace][name]}"
        return f"#{name}"

    def _kind(self, name: str) -> str:
        """Tell how something is required: as an input, as a decision, or as knowledge."""
        model = self._model
        if name in model.inputs:
            return "requiredInput"
        return "requiredDecision" if name in model.decisions else "requiredKnowledge"

    def _needs(self, element: Element, needs: Iterable[str]) -> None:
        found = [(self._kind(name), self._href(name)) for name in needs]
        for kind, href in sorted(found, key=lambda each: each[0] == "requiredKnowledge"):
            said = "knowledge" if kind == "requiredKnowledge" else "information"
            SubElement(SubElement(element, f"{said}Requirement"), kind, {"href": href})

    def _decision(self, root: Element, name: str, decision: diagrams.Decision) -> None:
        element = self._named(root, "decision", name)
        if decision.question:
            SubElement(element, "question").text = decision.question
        self._variable(element, name, decision.type)
        self._needs(element, decision.needs)
        self.expression(element, decision.value)

    def _knowledge(self, root: Element, name: str, knowledge: diagrams.Knowledge) -> None:
        element = self._named(root, "businessKnowledgeModel", name)
        self._variable(element, name, knowledge.type)
        logic = SubElement(element, "encapsulatedLogic", {"kind": knowledge.kind})
        self._parameters(logic, knowledge.parameters)
        self.expression(logic, knowledge.value)
        self._needs(element, knowledge.needs)

    def _parameters(self, element: Element, parameters: Mapping[str, str]) -> None:
        for name, type_ in parameters.items():
            self._typed(SubElement(element, "formalParameter", {"name": name}), type_)

    def _service(self, root: Element, name: str, service: diagrams.DecisionService) -> None:
        element = self._named(root, "decisionService", name)
        self._variable(element, name, service.type)
        for tag, names in (
            ("outputDecision", service.outputs),
            ("encapsulatedDecision", service.decides),
            ("inputDecision", service.given),
            ("inputData", service.inputs),
        ):
            for each in names:
                SubElement(element, tag, {"href": self._href(each)})

    # One method for each kind of box; each is named after it.

    def expression(self, element: Element, box: Any) -> None:
        """Write an expression into an element; nothing where there is none."""
        if box is None:
            return
        write = getattr(self, f"_{type(box).__name__.lower()}")
        self._typed(write(element, box), box.type)

    def _feeled(self, element: Element, box: diagrams.Feeled) -> Element:
        made = self._text(element, "literalExpression", box.feel)
        if box.language:
            made.set("expressionLanguage", box.language)
        return made

    def _tablebox(self, element: Element, box: diagrams.TableBox) -> Element:
        grid = box.table
        hit, _, aggregation = grid.hit.partition(" ")
        said = {"hitPolicy": grid.hit.upper()}
        if hit == "collect":
            said = {"hitPolicy": "COLLECT"}
            if aggregation:
                said["aggregation"] = aggregation.upper()
        table = SubElement(element, "decisionTable", said)
        for asked in grid.inputs:
            clause = SubElement(table, "input", {"label": asked.label} if asked.label else {})
            self._text(clause, "inputExpression", asked.feel, asked.type)
            if asked.values:
                self._text(clause, "inputValues", asked.values)
        for answered in grid.outputs:
            named = {"name": answered.name, "label": answered.label}
            clause = SubElement(table, "output", {key: said for key, said in named.items() if said})
            self._typed(clause, answered.type)
            if answered.values:
                self._text(clause, "outputValues", answered.values)
            if answered.default:
                self._text(clause, "defaultOutputEntry", answered.default)
        if grid.notes:
            SubElement(table, "annotation", {"name": "Note"})
        for at, row in enumerate(grid.rows):
            rule = SubElement(table, "rule")
            for column, text in enumerate(row):
                self._text(rule, "inputEntry" if column < len(grid.inputs) else "outputEntry", text)
            if grid.notes:
                self._text(rule, "annotationEntry", grid.notes[at])
        return table

    def _contextbox(self, element: Element, box: diagrams.ContextBox) -> Element:
        made = SubElement(element, "context")
        for entry in box.context:
            inner = SubElement(made, "contextEntry")
            if entry.name:
                self._variable(inner, entry.name, entry.type)
            self.expression(inner, entry.value)
        return made

    def _listbox(self, element: Element, box: diagrams.ListBox) -> Element:
        made = SubElement(element, "list")
        for each in box.list:
            self.expression(made, each)
        return made

    def _relationbox(self, element: Element, box: diagrams.RelationBox) -> Element:
        made = SubElement(element, "relation")
        types = box.relation.types or ("",) * len(box.relation.columns)
        for name, type_ in zip(box.relation.columns, types, strict=False):
            self._typed(SubElement(made, "column", {"name": name}), type_)
        for row in box.relation.rows:
            inner = SubElement(made, "row")
            for each in row:
                self.expression(inner, each)
        return made

    def _functionbox(self, element: Element, box: diagrams.FunctionBox) -> Element:
        made = SubElement(element, "functionDefinition", {"kind": box.function.kind})
        self._parameters(made, box.function.parameters)
        self.expression(made, box.function.value)
        return self._typed(made, box.function.type)

    def _callbox(self, element: Element, box: diagrams.CallBox) -> Element:
        made = SubElement(element, "invocation")
        self.expression(made, box.call)
        for name, each in box.given.items():
            binding = SubElement(made, "binding")
            SubElement(binding, "parameter", {"name": name})
            self.expression(binding, each)
        return made

    def _within(self, element: Element, **parts: Any) -> Element:
        for tag, box in parts.items():
            self.expression(SubElement(element, tag.rstrip("_")), box)
        return element

    def _ifbox(self, element: Element, box: diagrams.IfBox) -> Element:
        made = SubElement(element, "conditional")
        return self._within(made, if_=box.condition, then=box.then, else_=box.otherwise)

    def _forbox(self, element: Element, box: diagrams.ForBox) -> Element:
        made = SubElement(element, "for", {"iteratorVariable": box.name})
        return self._within(made, in_=box.source, return_=box.body)

    def _somebox(self, element: Element, box: diagrams.SomeBox) -> Element:
        made = SubElement(element, "some", {"iteratorVariable": box.name})
        return self._within(made, in_=box.source, satisfies=box.body)

    def _everybox(self, element: Element, box: diagrams.EveryBox) -> Element:
        made = SubElement(element, "every", {"iteratorVariable": box.name})
        return self._within(made, in_=box.source, satisfies=box.body)

    def _filterbox(self, element: Element, box: diagrams.FilterBox) -> Element:
        return self._within(SubElement(element, "filter"), in_=box.source, match=box.match)
