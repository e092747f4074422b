"""The numeric verifier reads numbers as people write them, and never takes "no reference" for a wrong answer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.verifiers.scores import score_of

from atlas_rewards.verifiers.numeric import last_number

SAME = [
    ("42", "42", "plain number"),
    ("First 7, then 42.", "42", "last number of the text, with a full stop behind it"),
    ("It costs 1,234 in all", "1234", "thousands with commas"),
    ("1 234", "1234", "thousands with spaces"),
    ("1\u202f234,5", "1234.5", "thousands with narrow spaces and a decimal comma"),
    ("1'234.5", "1234.5", "thousands with apostrophes"),
    ("1.234,56", "1234.56", "German thousands and decimals"),
    ("1,234,567.89", "1234567.89", "English millions and decimals"),
    ("1_000", "1000", "thousands as in program code"),
    ("3,14", "3.14", "decimal comma"),
    ("0,125", "0.125", "no thousands group starts with 0"),
    (".5", "0.5", "decimal without a leading 0"),
    ("$1,200", "1200", "currency sign before"),
    ("1200 €", "1200", "currency sign behind"),
    ("EUR500", "500", "currency code glued to the number"),
    ("5kg", "5", "unit glued to the number"),
    ("9.8 m/s^2", "9.8", "exponent of a unit is no number"),
    ("9.8 m²", "9.8", "superscript of a unit is no number"),
    ("10 g of H2O", "10", "digits inside a name are no number"),
    ("-5", "-5", "negative"),
    ("\u22125", "-5", "typeset minus"),
    ("-$5", "-5", "minus before the currency"),
    ("$-5", "-5", "minus behind the currency"),
    ("x=-5", "-5", "minus behind an equals sign"),
    ("3-5", "5", "a range is not negative"),
    ("3\u20135", "5", "a range with an en dash is not negative"),
    ("1.5e-3", "0.0015", "scientific notation"),
    ("1.5 \u00d7 10^8", "150000000", "power of ten written out"),
    ("3 × 10⁸", "300000000", "power of ten in superscript"),  # noqa: RUF001
    ("2^10", "1024", "power"),
    ("3/4", "0.75", "fraction"),
    ("12,34,567.89", "1234567.89", "Indian thousands"),
    ("1" + ",23" * 9 + ",456", "1232323232323232323456", "the longest Indian number"),
    ("\u0663\u066b\u0665", "3.5", "Arabic decimal separator"),
    ("\u0661\u066c\u0662\u0663\u0664", "1234", "Arabic thousands"),
    ("2 1/2 cups", "2.5", "mixed number"),
    ("½", "0.5", "fraction in one sign"),
    ("-2½", "-2.5", "mixed number with a fraction in one sign"),
    ("1 and 3/2", "1.5", "fraction above one"),
    ("2 3/2", "1.5", "a fraction above one is no part of a mixed number"),
    ("2 1/0", "0", "a fraction without a value is no part of a mixed number"),
    (r"\boxed{\frac{3}{4}}", "0.75", "TeX fraction"),
    (r"-\dfrac{1}{2}", "-0.5", "negative TeX fraction"),
    ("\u2212\\frac12", "-0.5", "short TeX fraction behind a typeset minus"),
    (r"x=3\frac{1}{2}", "3.5", "mixed number in TeX"),
    (r"\frac{x+1}{2}", "2", "TeX fraction of something else"),
    ("25%", "25 %", "percent on both sides"),
    ("25 percent", "25", "percent on one side, number as written"),
    ("25%", "0.25", "percent on one side, as a share"),
    ("0.25", "25%", "share against percent"),
    (r"\boxed{1{,}234}", "1234", "TeX thousands in a box"),
    ("**42**", "42", "Markdown bold"),
    ("答案是42", "42", "scripts without spaces"),
    ("\u0664\u0662", "42", "Arabic-Indic digits"),
    ("1e999 or rather 7", "7", "numbers beyond floats are passed over"),
    ("The sum of 1, 2, 3", "3", "list with spaces"),
    ("1,2,3", "3", "list without spaces"),
]

DIFFERENT = [
    ("41", "42", "another number"),
    ("1,234", "1", "the group before the separator alone is wrong"),
    ("1/4", "3/4", "fractions with the same denominator"),
    ("2^10", "2^12", "powers of the same base"),
    (r"\frac{1}{4}", r"\frac{3}{4}", "TeX fractions with the same denominator"),
    ("3 1/2", "1/2", "mixed number with the same fraction"),
    ("25%", "0.35", "another share"),
    ("forty-two", "42", "no number at all"),
    ("", "42", "empty completion"),
    ("-42", "42", "wrong sign"),
    ("42.00001", "42", "off by more than the tolerance"),
]


@pytest.mark.parametrize(("completion", "reference"), [pytest.param(*case[:2], id=case[2]) for case in SAME])
def test_the_same_number_scores_1(completion: str, reference: str) -> None:
    assert score_of({"numeric": {}}, completion, reference).value == 1.0


@pytest.mark.parametrize(("completion", "reference"), [pytest.param(*case[:2], id=case[2]) for case in DIFFERENT])
def test_anything_else_scores_0(completion: str, reference: str) -> None:
    assert score_of({"numeric": {}}, completion, reference).value == 0.0


@pytest.mark.parametrize("reference", [None, "", " \n", "no number here", "1e999"])
def test_without_a_number_to_compare_with_nothing_is_said(reference: str | None) -> None:
    score = score_of({"numeric": {}}, "42", reference)
    assert score.value is None
    assert "reference" in score.reasons["v0"]


def test_the_tolerance_is_absolute() -> None:
    assert score_of({"numeric": {"tolerance": 0.5}}, "42.4", "42").value == 1.0
    assert score_of({"numeric": {"tolerance": 0.5}}, "42.6", "42").value == 0.0


def _swapped(english: str, thousands: str, decimal: str) -> str:
    return english.replace(",", "\0").replace(".", decimal).replace("\0", thousands)


FORMATS = {
    "English": lambda number: f"{number:,.2f}",
    "German": lambda number: _swapped(f"{number:,.2f}", ".", ","),
    "French": lambda number: _swapped(f"{number:,.2f}", "\u202f", ","),
    "Swiss": lambda number: _swapped(f"{number:,.2f}", "\u2019", "."),
    "plain": lambda number: f"{number:.2f}",
    "dollars": lambda number: f"-${-number:,.2f}" if number < 0 else f"${number:,.2f}",
    "typeset": lambda number: f"{number:.2f}".replace("-", "\u2212"),
}


@pytest.mark.parametrize("style", FORMATS)
@settings(deadline=None)
@given(cents=st.integers(-(10**14), 10**14))
def test_an_amount_is_read_back_in_every_style(style: str, cents: int) -> None:
    read = last_number(f"The answer is {FORMATS[style](cents / 100)}.")
    assert read is not None
    assert read.value == pytest.approx(cents / 100, abs=0.005)


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_float_as_python_writes_it_is_read_back_exactly(number: float) -> None:
    read = last_number(f"= {number!r}")
    assert read is not None
    assert read.value == number


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("text", "value"), [("1" + ",23" * 80_000, 23), ("7," + "1" * 240_000 + ",1", 1)])
def test_separators_without_end_take_linear_time(text: str, value: float) -> None:
    read = last_number(text)
    assert read is not None
    assert read.value == value
