"""The words of the fake company, defined as a company would."""

from __future__ import annotations

from pathlib import Path

from cic.model import BOARDS, SEGMENTS, TRAITS
from cid.kit.definitions import Definitions, Section, parse
from cid.model.definition import ATTRIBUTES

TEXTS: tuple[tuple[Section, str], ...] = (
    (
        ATTRIBUTES,
        """
country:
  title: {en: Country, zh: 国家}
  type: text
birth_date:
  title: {en: Date of birth, zh: 出生日期}
  type: date
""",
    ),
    (
        TRAITS,
        """
spend 365d:
  title: {en: Spent in a year, zh: 一年消费额}
  of: Order Completed
  sum: total
  window: 365 d
  unit: EUR
orders:
  title: {en: Orders ever, zh: 历史订单数}
  of: Order Completed
  count: true
last nps:
  title: {en: Last recommendation score, zh: 最近一次推荐评分}
  of: Review Given
  last: score
""",
    ),
    (
        SEGMENTS,
        """
vip:
  title: {en: VIP, zh: 贵宾}
  description: {en: What VIP means., zh: 贵宾的含义。}
  when: spend 365d >= 2000
""",
    ),
    (
        BOARDS,
        """
sales:
  title: {en: Sales, zh: 销售}
  owner: sales
  tiles:
    - {title: {en: By month, zh: 按月}, question: {measures: [revenue], dimensions: [month]}}
    - {question: {kind: retention, first: {event: Order Completed}, by: month}}
    - {question: {measures: [orders], filter: nonsense}}
""",
    ),
)


def definitions(directory: Path = Path()) -> Definitions:
    found = Definitions(directory)
    for section, text in TEXTS:
        found.sections[section.name], errors = parse(text, section)
        assert errors == []
    return found
