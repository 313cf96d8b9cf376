"""What a page says becomes lines; what it does not show, or would have us fetch, does not."""

from pathlib import Path

import pytest

from streams.errors import Reason, Unprocessable
from streams.formats.html import MAX_LINES, MAX_WORDS, read_html, read_markup
from streams.records import RawRelease


def lines(page: str) -> list[str]:
    return read_markup(page).text.split("\n")


def test_a_hundred_thousand_nested_elements_lose_nothing_and_overflow_no_stack() -> None:
    depth = 100_000
    page = "<div>" * depth + "deep" + "</div>" * depth + "<p>after"
    assert lines(page) == ["deep", "after"]


def test_text_at_every_depth_is_kept() -> None:
    depth = 2_000
    assert lines("".join(f"<div>{level}" for level in range(depth))) == [str(level) for level in range(depth)]


def test_a_long_run_of_text_is_one_line() -> None:
    assert lines("<p>" + "word " * 3_000_000) == [("word " * 3_000_000).strip()]


def test_a_page_of_too_many_lines_is_refused_while_it_is_read() -> None:
    with pytest.raises(Unprocessable) as caught:
        read_markup("<pre>" + "a\n" * (MAX_LINES + 2))
    assert caught.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("a<br>b<br/>c", ["a", "b", "c"]),
        ("<p>a <b>b</b><i>c</i>\n d", ["a bc d"]),
        ("<div>a<div>b</div>c</div>", ["a", "b", "c"]),
        ("<ul><li>a<ul><li>b</ul><li>c</ul>", ["a", "b", "c"]),
        ("<dl><dt>a<dd>b</dl>", ["a", "b"]),
        ("<tr><td>a</td><td>b</td></tr><tr><td>c</td></tr>", ["a\tb", "c"]),
        ("<table><tr><td>a</td><td>b</td></tr><tr><th>c<td>d</table>", ["a\tb", "c\td"]),
        ("<table><tr><td> </td><td>b</td><td></td></tr></table>", ["b"]),
        ("<table><tr><td><p>a</p><p>b</p></td><td>c</td></tr></table>", ["a", "b", "c"]),
        ("<pre>a\n\n  b</pre>", ["a", "b"]),
        ("<p>Ent&shy;wick&shy;lung &amp; &lt;b&gt; &#8364; &euro; &eacute;", ["Entwicklung & <b> € € é"]),
        ("<p>a&nbsp;b&#12288;c", ["a\N{NO-BREAK SPACE}b\N{IDEOGRAPHIC SPACE}c"]),
        ("<custom-tag>a</custom-tag><p>b", ["a", "b"]),
        ("<p>a</b></div></p>b", ["a", "b"]),
        ("<p>Debian <q>Wheezy</q> is <q><b>out</b></q>", ['Debian "Wheezy" is "out"']),
        ("<button>Share</button>a", ["Share", "a"]),
        ("a</body></html>b", ["a", "b"]),
    ],
)
def test_blocks_become_lines(page: str, expected: list[str]) -> None:
    assert lines(page) == expected


@pytest.mark.parametrize(
    "unseen",
    [
        "<script>x</script>",
        "<script>'<p>x</p>'</script>",
        "<style>x</style>",
        "<template><p>x</p></template>",
        "<noscript><p>x</p></noscript>",
        "<!-- x -->",
        "<?x x?>",
        "<p hidden>x <b>x</b></p>",
        "<div hidden=''><div><p>x</p></div></div>",
        "<p style='color:red;DISPLAY :none'>x<br>x</p>",
        "<p style='visibility: hidden'>x</p>",
        "<svg><title>x</title><text>x</text></svg>",
        "<select><option>x</select>",
        "<iframe>x</iframe>",
        "<input value=x><img alt=x>",
    ],
)
def test_what_a_browser_does_not_show_is_left_out(unseen: str) -> None:
    assert lines(f"<p>a</p>{unseen}<p>b</p>") == ["a", "b"]


def test_a_page_that_waits_for_its_script_to_show_it_is_read() -> None:
    assert lines("<html hidden><body style='display:none'><p>a</p></body></html>") == ["a"]


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("<title>Page | Site</title><h1>Headline</h1>", "Headline"),
        ("<title>Page | Site</title><h1>Site</h1><h1>The long headline</h1>", "The long headline"),
        ("<title>Page | Site</title><p>No heading", "Page | Site"),
        ('<meta property="og:title" content="Shared"><title>Page</title><h1>Headline</h1>', "Shared"),
        ('<meta name="OG:Title" content="Shared &amp; read"><h1>Headline</h1>', "Shared & read"),
        ('<meta property="og:title"><h1>Headline<br>in <b>two</b>\nlines</h1>', "Headline in two lines"),
        ("<title>Page</title><h1 hidden>Headline</h1><p>a", "Page"),
        ("<title>Page</title><h1> <img src=logo></h1><p>a", "Page"),
        ("<p>a<title>Late</title>", "Late"),
        ("<p>No title", ""),
    ],
)
def test_the_title_is_the_shared_one_then_the_longest_heading_then_the_pages(page: str, title: str) -> None:
    assert read_markup(page).title == title


@pytest.mark.parametrize(
    ("page", "language"),
    [
        ("<html lang=ko><p>a", "ko"),
        ("<html lang=' en_US '><p>a", "en-US"),
        ("<html xml:lang=ja><p>a", "ja"),
        ("<body lang=th><p>a", "th"),
        ("<html lang=ko><body lang=th><p>a", "ko"),
        ('<meta http-equiv="Content-Language" content="vi"><p>a', "vi"),
        ("<p lang=ko>a", ""),
    ],
)
def test_the_language_hint_is_the_pages_own(page: str, language: str) -> None:
    assert read_markup(page).language_hint == language


def test_markup_names_the_block_its_words_and_its_links() -> None:
    page = read_markup(
        "<body class='Home Page'><footer id=Foot>"
        "<div class='page share'>Read <b class=x><a href=/>more</a></b></div></footer>"
    )
    (mark,) = page.markup
    assert (mark.line, mark.tag) == (0, "div")
    assert mark.words == "page share foot footer home"
    assert mark.link_density == 0.5


def test_words_are_cut_at_a_word_from_the_outside() -> None:
    (mark,) = read_markup(f"<div class='{'outer ' * 20}{'x' * 50}'><div class='{'y' * 100} {'z' * 60}'>a").markup
    assert mark.words == f"{'y' * 100} {'z' * 60} outer"
    assert len(mark.words) <= MAX_WORDS


def test_a_page_does_not_grow_by_its_class_names() -> None:
    page = f"<div class='{' '.join(f'word{number}' for number in range(25))}'>" + "<p>a" * 10_000
    release = read_markup(page)
    assert len(release.markup) == 10_000
    assert sum(len(mark.words) for mark in release.markup) <= len(page)


@pytest.mark.parametrize(
    "charset", ["windows-1251", "koi8-r", "utf-8", "utf-16"], ids=lambda charset: f"meta says {charset}"
)
def test_a_meta_charset_is_honoured_where_it_can_be_true(charset: str) -> None:
    written = "utf-8" if charset == "utf-16" else charset  # ASCII can be read, so UTF-16 it is not
    page = f"<html><head><meta charset='{charset}'></head><p>Новый завод в Пусане"
    assert read_html(page.encode(written), None).text == "Новый завод в Пусане"


def test_the_transports_charset_goes_before_the_pages() -> None:
    page = "<meta charset='windows-1251'><p>Новый завод".encode("koi8-r")
    assert read_html(page, "koi8-r").text == "Новый завод"


def test_entities_of_a_page_are_never_resolved(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret text")
    page = f"<!DOCTYPE html [<!ENTITY x SYSTEM '{secret.as_uri()}'><!ENTITY y 'yyyy'>]><p>a &x; &y; b"
    release = read_markup(page)
    assert "secret text" not in release.text
    assert "yyyy" not in release.text.splitlines()[-1]
    assert release.text.endswith("a &x; &y; b")


@pytest.mark.parametrize("page", ["", " ", "<", "</", "<!", "<!--", "<p", "&", "&#", "<![CDATA[", "<html>", "\0"])
def test_a_page_that_breaks_off_is_read_as_far_as_it_goes(page: str) -> None:
    assert isinstance(read_markup(page), RawRelease)
