"""Texts for `fod import`, in the manner of JSONTestSuite, with the verdict that each must get.

"y": it is taken. "f": valid JSON whose content is reported: refused, but taken with --lenient.
"n": refused either way. Python's json must agree that "y" and "f" are JSON and "n" is none, unless
`python` says otherwise.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    name: str
    text: bytes
    python: bool  # whether Python's json takes the text

    @property
    def verdict(self):
        return self.name[0]


CASES = []


def add(name, text, python=None):
    text = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    CASES.append(Case(name, text, name[0] != "n" if python is None else python))


def row(name, text, python=None):
    """A value in the place of the row of sample 1."""
    add(name, b'{"meta": {}, "distributions": {"0": [0.5, 0.5], "1": '
        + (text.encode() if isinstance(text, str) else text) + b"}}", python)


def number(name, text, python=None):
    """A number in the place of a probability whose row then has the sum 1 if it is 0.25."""
    row(name, f"[{text}, 0.75]", python)


def meta(name, text, python=None):
    """A value in meta."""
    add(name, b'{"meta": {"a": ' + (text.encode() if isinstance(text, str) else text)
        + b'}, "distributions": {"0": [1.0]}}', python)


# --- Structure ---
ONE = b'{"meta": {"model_name": "m"}, "distributions": {"0": [0.25, 0.75]}}'
add("y_one", ONE)
add("y_no_meta", '{"distributions": {"0": [1.0]}}')
add("y_meta_last", '{"distributions": {"0": [1.0]}, "meta": {"x": 1}}')
add("y_more_keys", '{"extra": [{"a": [null, true]}], "meta": {}, "distributions": {"0": [1]}}')
add("y_space", ' {\t"meta"\r\n:\n{ } , "distributions" : { "0" : [ 0.5 , 0.5 ] } }\n ')
add("y_no_rows", '{"meta": {}, "distributions": {}}')
add("y_escaped_key", r'{"m\u0065ta": {}, "distributions": {"\u0030": [1.0]}}')
add("n_empty", "")
add("n_space", "  \n")
add("n_array", "[]", python=True)
add("n_number", "1", python=True)
add("n_nan", "NaN", python=True)
add("n_no_distributions", '{"meta": {}}', python=True)
add("n_distributions_null", '{"distributions": null}', python=True)
add("n_distributions_list", '{"distributions": [[1.0]]}', python=True)
add("f_meta_list", '{"meta": [], "distributions": {"0": [1.0]}}')
add("f_meta_null", '{"meta": null, "distributions": {"0": [1.0]}}')
add("n_distributions_twice", '{"distributions": {"0": [1.0]}, "distributions": {"0": [1.0]}}',
    python=True)
add("n_meta_twice", '{"meta": {}, "meta": {}, "distributions": {"0": [1.0]}}', python=True)
add("n_two_texts", ONE + ONE)
add("n_text_behind", ONE + b" x")
add("n_nul_behind", ONE + b"\0")
add("n_bracket_behind", ONE + b"}")
add("n_trailing_comma", '{"distributions": {"0": [1.0]},}')
add("n_trailing_comma_rows", '{"distributions": {"0": [1.0],}}')
add("n_comma_first", '{,"distributions": {"0": [1.0]}}')
add("n_two_commas", '{"distributions": {"0": [1.0],, "1": [1.0]}}')
add("n_no_comma", '{"distributions": {"0": [1.0] "1": [1.0]}}')
add("n_no_colon", '{"distributions" {"0": [1.0]}}')
add("n_two_colons", '{"distributions":: {"0": [1.0]}}')
add("n_comma_for_colon", '{"distributions", {"0": [1.0]}}')
add("n_wrong_bracket", '{"distributions": {"0": [1.0}}]')
add("n_unquoted_key", '{"distributions": {0: [1.0]}}')
add("n_single_quotes", "{'distributions': {'0': [1.0]}}")
add("n_comment", '{"distributions": {"0": [1.0]}} // x')
add("n_comment_inside", '{/* x */ "distributions": {"0": [1.0]}}')
add("n_no_break_space", '{\u00a0"distributions": {"0": [1.0]}}')
add("n_form_feed", '{\f"distributions": {"0": [1.0]}}')
add("n_brackets", b"[" * 10_000_000)
add("n_objects", b'{"a":' * 200_000)
add("n_closing", b"]" * 100_000)
for length in range(1, len(ONE)):
    add(f"n_cut_{length:02}", ONE[:length])

# --- Encodings ---
add("n_bom", b"\xef\xbb\xbf" + ONE)
add("n_utf16_little", b"\xff\xfe" + ONE.decode().encode("utf-16-le"))
add("n_utf16_big", ONE.decode().encode("utf-16-be"))
add("n_utf32", ONE.decode().encode("utf-32-le"))
meta("y_bytes_of_all_lengths", '"\u007f\u0080\u07ff\u0800\uffff\U00010000\U0010ffff"')
meta("n_latin1", b'"\xe9"')
meta("n_lone_continuation", b'"\x80"')
meta("n_cut_sequence", b'"\xe2\x82"')
meta("n_overlong_slash", b'"\xc0\xaf"')
meta("n_overlong_nul", b'"\xe0\x80\x80"')
meta("n_surrogate_bytes", b'"\xed\xa0\x80"')
meta("n_beyond_unicode", b'"\xf4\x90\x80\x80"')
meta("n_ff", b'"\xff"')
add("n_latin1_key", b'{"distributions": {"0": [1.0]}, "\xe9": 1}')
add("n_latin1_outside", b'{"distributions": {"0": [1.0]}} \xe9')

# --- Strings ---
meta("y_escapes", r'"\" \\ \/ \b \f \n \r \t \u0041"')
meta("y_pair", r'"\ud83d\ude00"')
meta("y_escaped_nul", r'"\u0000"')
meta("y_long_string", '"' + "x" * 1_000_000 + '"')
meta("y_empty_key", '{"": 1}')
meta("n_lone_high", r'"\ud800"', python=True)
meta("n_lone_low", r'"\udc00"', python=True)
meta("n_two_high", r'"\ud800\ud800"', python=True)
meta("n_high_and_letter", r'"\ud800a"', python=True)
meta("n_bad_escape", r'"\x41"')
meta("n_bad_hex", r'"\u00g0"')
meta("n_short_hex", r'"\u00"')
meta("n_signed_hex", r'"\u+041"')
meta("n_tab", '"\t"')
meta("n_newline", '"\n"')
meta("n_nul", '"\0"')
meta("n_open_string", '"abc')
meta("n_capital_escape", r'"\U0041"')
meta("n_key_in_meta_twice", '1, "a": 2', python=True)
meta("n_key_deep_twice", '{"b": 1, "b": 1}', python=True)
meta("n_word", "tru")
meta("n_capital_word", "True")
meta("n_long_word", "nulll")
meta("n_undefined", "undefined")
meta("y_words", "[true, false, null, NaN, Infinity, -Infinity]")
meta("y_deep", "[" * 900 + "]" * 900)
meta("n_too_deep", "[" * 100_000 + "]" * 100_000)
meta("y_big_whole", "1" + "0" * 1000)
meta("y_many_digits", "0." + "3" * 100_000)
meta("y_huge_exponent", "1e99999")

# --- Rows ---
row("f_null", "null")
row("f_string", '"0.5"')
row("f_object", '{"0": 1}')
row("f_true", "true")
row("f_empty", "[]")
row("f_ragged", "[0.25, 0.25, 0.5]")
row("f_nested", "[[0.5, 0.5]]")
row("f_null_inside", "[0.5, null]")
row("f_string_inside", '[0.5, "0.5"]')
row("f_true_inside", "[0, true]")
row("f_negative", "[-0.5, 1.5]")
row("f_sum", "[0.5, 0.25]")
row("f_deep_row", "[" * 900 + "]" * 900)
row("n_row_open", "[0.5, 0.5")
row("n_row_comma", "[0.5, 0.5,]")
row("n_row_space", "[0.5 0.5]")
row("n_row_colon", "[0.5: 0.5]")
for name, key in [("twice", "0"), ("leading_zero", "01"), ("two_zeros", "00"), ("plus", "+1"),
                  ("minus", "-1"), ("minus_zero", "-0"), ("word", "a"), ("empty", ""),
                  ("space", " 1"), ("float", "1.0"), ("hex", "0x1"), ("arabic", "\u0661"),
                  ("beyond_63_bits", "9223372036854775808"), ("63_bits", "9223372036854775807"),
                  ("long", "9" * 5000)]:
    add(f"f_key_{name}", f'{{"distributions": {{"0": [1.0], "{key}": [1.0]}}}}')
add("y_largest_key", '{"distributions": {"0": [1.0], "9223372036854775806": [1.0]}}')
add("y_any_order", '{"distributions": {"7": [1.0], "3": [1.0], "5": [1.0]}}')

# --- Numbers ---
for name, text in [("plain", "0.25"), ("exponent", "25e-2"), ("capital", "2.5E-1"),
                   ("plus_exponent", "0.0025e+2"), ("zeros", "0.25" + "0" * 100_000),
                   ("digits", "0.25" + "0" * 100_000 + "1"), ("long_exponent", "0.25e-0000000"),
                   ("sum_up_to_tolerance", "0.25000001")]:
    number(f"y_number_{name}", text)
row("y_number_tiny", "[1e-99999, 1.0]")
row("y_number_minus_zero", "[-0.0, 1.0]")
row("y_number_whole", "[0, 1]")
row("y_number_subnormal", "[5e-324, 1.0]")
row("f_number_nan", "[NaN, 1.0]")
row("f_number_infinity", "[Infinity, 1.0]")
row("f_number_minus_infinity", "[-Infinity, 1.0]")
row("f_number_overflow", "[1e999, 1.0]")
row("f_number_minus_overflow", "[-1e99999999999999999999, 1.0]")
row("f_number_100k_digits", "[" + "9" * 100_000 + ", 1.0]", python=False)  # its limit is 4,300
for name, text in [("leading_zero", "00.25"), ("one_leading_zero", "01"), ("point_first", ".25"),
                   ("point_last", "1."), ("plus", "+0.25"), ("two_minus", "--1"), ("minus", "-"),
                   ("no_exponent", "1e"), ("exponent_sign", "1e+"), ("exponent_point", "1e0.5"),
                   ("two_points", "0.2.5"), ("hex", "0x1"), ("underscore", "1_0"),
                   ("letter", "1a"), ("short_nan", "nan"), ("plus_nan", "+NaN"),
                   ("minus_nan", "-NaN"), ("inf", "inf"), ("plus_infinity", "+Infinity"),
                   ("short_infinity", "Inf"), ("cut_infinity", "-Infinit"), ("arabic", "\u0661"),
                   ("space", "- 1"), ("two_exponents", "1e1e1"), ("comma", "0,25x")]:
    number(f"n_number_{name}", text)
