"""Whether any text at all makes FEEL's parser raise something else than its own error, guided by coverage.

Run ``python tests/benchmarks/fuzz.py [seconds]`` where ``atheris`` is installed (``--group benchmarks``, up to
Python 3.11). It ends with an error, and the text that caused it, if there is one.
"""

import sys

NAMES = ("a", "order total", "客户", "x y z")


def main(seconds: str) -> None:
    import atheris

    with atheris.instrument_imports(include=["cid.feel"]):
        from cid.feel import FeelError, parse, parse_unary, write

    def one(data: bytes) -> None:
        """Read one text as an expression or as a cell; what can be read can be written, and read again."""
        given = atheris.FuzzedDataProvider(data)
        read = parse if given.ConsumeBool() else parse_unary
        text = given.ConsumeUnicode(sys.maxsize)
        try:
            node = read(text, NAMES)
        except FeelError:
            return
        assert read(write(node), NAMES) == node, text

    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", "-max_len=300"], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else "60")
