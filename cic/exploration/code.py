"""The code of an answer: the same question in Python, to be run or built upon elsewhere."""

from __future__ import annotations

import pprint
from typing import Any


def in_python(question: dict[str, Any]) -> str:
    """Write a program that asks the same question in the directory of the company.

    >>> print(in_python({"measures": ["revenue"]}))
    from icustomer import ICustomer
    <BLANKLINE>
    question = {'measures': ['revenue']}
    with ICustomer.open(".") as company:
        answer = company.cic.query(question)
    for row in answer["rows"]:
        print(*row)
    <BLANKLINE>
    """
    written = pprint.pformat(question, width=96, sort_dicts=False)
    if "\n" in written:
        written = "".join(f"\n    {line}" for line in written.splitlines())
        written = f"({written}\n)"
    return (
        "from icustomer import ICustomer\n\n"
        f"question = {written}\n"
        'with ICustomer.open(".") as company:\n'
        "    answer = company.cic.query(question)\n"
        'for row in answer["rows"]:\n'
        "    print(*row)\n"
    )
