"""CSV cells: what is quoted, what is defused, what is left alone."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from query_api.csv_file import line

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def test_values_that_are_no_texts():
    assert line([None, True, False, 0, -5, 2**53, []]) == b",true,false,0,-5,9007199254740992,\r\n"


def test_texts_are_quoted_where_they_must_be():
    assert line(["a", "a,b", 'say "hi"', "two\r\nlines", " a", ["vip", "new"]]) == (
        b'a,"a,b","say ""hi""","two\r\nlines"," a",vip;new\r\n'
    )


def test_what_a_spreadsheet_would_run_begins_with_an_apostrophe():
    for text in ("=1+1", "+49 228 1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1"):
        [cell] = next(csv.reader(io.StringIO(line([text]).decode(), newline="")))
        assert cell == f"'{text}"
    assert line([["=1", "b"]]) == b"'=1;b\r\n"
    assert line(["a=1", "1-1", "c@d"]) == b"a=1,1-1,c@d\r\n"


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=2), max_size=5))
def test_whatever_is_written_is_read_again(rows):
    written = b"".join(map(line, rows)).decode()
    found = list(csv.reader(io.StringIO(written, newline="")))
    defused = [[cell.removeprefix("'") for cell in row] for row in found]
    assert defused == [[text.removeprefix("'") for text in row] for row in rows]
