"""Decision tables from spreadsheets; what is wrong is told with its cell."""

import io
import zipfile

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cid.kit.errors import InvalidInput
from context.decision.sheets import cell_name, read_sheet, written
from context.model import DecisionTable
from context.ports import SHEETS
from icustomer.cli import app

SHEET = [
    ["hit", "U"],
    ["输入", "input", "output", "note"],
    ["spend", "region", "tier", "why"],
    ["≥ 1000", "", "gold", "the best"],
    ["[100..1000)", "FR, DE", "silver"],
    ["", "", "", ""],
    ["< 100", 'not("FR")', '"none, really"'],
    ["default", "", "bronze"],
]
TABLE = {
    "inputs": ("spend", "region"),
    "outputs": ("tier",),
    "hit": "unique",
    "rows": (
        (">= 1000", "-", '"gold"'),
        ("[100..1000)", '"FR", "DE"', '"silver"'),
        ("< 100", 'not("FR")', '"none, really"'),
    ),
    "default": {"tier": "bronze"},
}


def csv_of(rows, mark=","):
    def quoted(cell):
        return '"' + cell.replace('"', '""') + '"' if any(c in cell for c in ',;"') else cell

    return "\n".join(mark.join(map(quoted, row)) for row in rows).encode()


def xlsx_of(cells, styles="", shared=()):
    """Pack a workbook: ``cells`` are the ``<c>`` elements of each row."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rows = "".join(f'<row r="{at}">{"".join(row)}</row>' for at, row in enumerate(cells, start=1))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        sheet = f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'
        file.writestr("xl/worksheets/sheet1.xml", sheet)
        texts = "".join(f"<si><t>{text}</t></si>" for text in shared)
        file.writestr("xl/sharedStrings.xml", f'<sst xmlns="{main}">{texts}</sst>')
        file.writestr("xl/styles.xml", f'<styleSheet xmlns="{main}">{styles}</styleSheet>')
    return packed.getvalue()


def text_cell(place, text):
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    return f'<c r="{place}" t="inlineStr"><is><t>{escaped}</t></is></c>'


def read(kind, data):
    return read_sheet(SHEETS.load(kind)().read(data), "tiers")


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_csv_of_any_spreadsheet_becomes_a_table(mark, coding):
    data = csv_of(SHEET, mark).decode().encode(coding)
    assert read("csv", data) == ("tiers", DecisionTable.model_validate(TABLE))


def test_an_xlsx_becomes_the_same_table():
    cells = [
        [text_cell(cell_name(row, at), text) for at, text in enumerate(each) if text]
        for row, each in enumerate(SHEET)
    ]
    assert read("xlsx", xlsx_of(cells)) == ("tiers", DecisionTable.model_validate(TABLE))


def test_numbers_truth_values_dates_and_shared_texts_of_an_xlsx_are_read():
    styles = '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
    cells = [
        ['<c r="A1" t="s"><v>0</v></c>', '<c r="B1" t="s"><v>1</v></c>'],
        ['<c r="A2" t="s"><v>2</v></c>', '<c r="B2" t="s"><v>3</v></c>'],
        ['<c r="A3"><v>0.1</v></c>', '<c r="B3" t="b"><v>1</v></c>'],
        ['<c r="A4" s="1"><v>46054</v></c>', '<c r="B4"><f>1+1</f><v>2</v></c>'],
    ]
    _, table = read("xlsx", xlsx_of(cells, styles, ["input", "output", "x", "y"]))
    assert table.rows == (("0.1", "true"), ('date("2026-02-01")', "2"))


@pytest.mark.parametrize(
    ("row", "column", "text", "said"),
    [
        (4, 1, "> > 5", r"B5: '>' is not expected here"),
        (3, 2, '"gold', "C4: "),
        (2, 0, "", "A3: what is this column about"),
        (2, 1, "1 +", "B3: "),
        (1, 2, "outptu", "C2: 'outptu'.*output"),
        (0, 1, "sometimes", "B1: 'sometimes' is no hit policy"),
    ],
)
def test_what_is_wrong_is_told_with_its_cell(row, column, text, said):
    sheet = [list(each) for each in SHEET]
    sheet[row][column] = text
    for kind, data in (("csv", csv_of(sheet)),):
        with pytest.raises(InvalidInput, match=said):
            read(kind, data)


@pytest.mark.parametrize(
    ("sheet", "said"),
    [
        ([], "empty"),
        ([["input", "input"], ["a", "b"]], "A1: a table has an input and an output"),
        ([["input", "output"], ["a", "b"]], "A3: the table has no rows"),
        ([["input", "output", "output"], ["a", "b", "b"]], "B2: 'b' is there twice"),
    ],
)
def test_a_sheet_that_is_no_table_is_told(sheet, said):
    with pytest.raises(InvalidInput, match=said):
        read_sheet(sheet)


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("csv", b"\xff\xff\x00", "UTF-8"),
        ("csv", b"a," * 300, "200 columns"),
        ("csv", b"a\n" * 10_001, "10000 rows"),
        ("xlsx", b"PK\x03\x04 nothing", "no XLSX"),
        (
            "xlsx",
            xlsx_of([['<c r="B1" t="e"><v>#REF!</v></c>']]),
            "B1: the cell has the error #REF!",
        ),
        ("xlsx", xlsx_of([['<c r="ZZZ1"><v>1</v></c>']]), "200 columns"),
        ("xlsx", xlsx_of([[f"<c><v>{'1' * (51 << 20)}</v></c>"]]), "larger than 50 MiB"),
    ],
    ids=["no text", "wide", "long", "no zip", "error", "far", "bomb"],
)
def test_hostile_sheets_are_refused_with_the_reason(kind, data, said):
    with pytest.raises(InvalidInput, match=said):
        read(kind, data)


@given(st.lists(st.lists(st.text(max_size=6), max_size=4), max_size=6))
def test_any_sheet_is_a_table_or_told(rows):
    try:
        name, table = read_sheet(rows)
    except InvalidInput:
        return
    assert yaml.safe_load(written(name, table))["tables"][name]["rows"]


def test_the_command_prints_a_definition(tmp_path):
    (tmp_path / "tiers.csv").write_bytes(csv_of(SHEET))
    done = CliRunner().invoke(app, ["context", "table", "import", str(tmp_path / "tiers.csv")])
    said = yaml.safe_load(done.stdout)["tables"]["tiers"]
    assert DecisionTable.model_validate(said) == DecisionTable.model_validate(TABLE)
    (tmp_path / "bad.csv").write_bytes(b"input,output\nx,y\n> > 5,1\n")
    done = CliRunner().invoke(app, ["context", "table", "import", str(tmp_path / "bad.csv")])
    assert (done.exit_code, "A3" in done.stderr) == (1, True)


def test_the_command_turns_models_into_definitions_and_back(tmp_path):
    (tmp_path / "m.yaml").write_text("models: {m: {decisions: {d: {is: 1 + 1}}}}")
    done = CliRunner().invoke(app, ["context", "model", "export", str(tmp_path / "m.yaml")])
    (tmp_path / "m.dmn").write_text(done.stdout)
    done = CliRunner().invoke(app, ["context", "model", "import", str(tmp_path / "m.dmn")])
    assert yaml.safe_load(done.stdout)["models"]["model"]["decisions"] == {"d": {"is": "1 + 1"}}
