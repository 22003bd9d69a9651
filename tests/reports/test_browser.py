"""The page in a real browser: filters, anchors, keyboard, print, themes, and no word to the network."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright
from plumbline.reports import page, records
from plumbline.reports.records import Event, Summary, Verdict

from tests.reports.hostile import everything
from tests.reports.made import HOSTILE, case, knee_results, load_results, results, run, target

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (Debian: apt install chromium)"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
]


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield found
        found.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """Pages of one server, of many, of more than fit inline, and of a hostile server."""
    folder = tmp_path_factory.mktemp("pages")

    def make(name, *runs):
        files = []
        for number, found in enumerate(runs):
            files.append(folder / f"{name}{number}.jsonl")
            records.write(files[-1], found)
        page.write(files, folder / f"{name}.html")

    make("one", results(cases=60, protocols=("smtp", "ftp")), load_results())
    make("many", *(results(f"server {n}", 80, n) for n in range(4)))
    make("packed", *(results(f"server {n}", 300, n) for n in range(6)))
    nasty = dict.fromkeys(["title", "why", "suite", "statement", "reason", "got", "script"], HOSTILE)
    talk = [Event(at=0, who=HOSTILE, text=HOSTILE)]
    hostile = case(
        0, verdict=Verdict.FAIL, id=f"smtp/{HOSTILE}", transcript=talk, tags=[HOSTILE, "b"], **nasty
    )
    ended = Summary(ended="2026-11-24T14:00:00+00:00", duration_s=1, exit_code=1)
    make("hostile", [run(HOSTILE), target(HOSTILE), hostile, case(1), ended])
    make("worst", everything())
    make("banners", everything("220 \u202e<b>A</b>" * 70_000))
    make("load", knee_results(), load_results("exim", 300), load_results("postfix"))
    return folder


def until(opened, condition: str) -> None:
    """Wait for a condition. The page's policy forbids eval, which Playwright's own waiting needs."""
    for _ in range(300):
        if opened.evaluate(condition):
            return
        opened.wait_for_timeout(20)
    pytest.fail(f"never became true: {condition}")


class Visit:
    """A page, with all that it complained about or asked of the network."""

    def __init__(self, context, folder: Path) -> None:
        self.page = context.new_page()
        self.folder = folder
        self.trouble: list[str] = []
        self.page.on("console", lambda message: self.trouble.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: (self.trouble.append("dialog"), dialog.dismiss()))
        self.page.on("request", self._asked)

    def _asked(self, request) -> None:
        if not request.url.startswith(("file:", "blob:")):
            self.trouble.append(f"request: {request.url}")

    def open(self, name: str, fragment: str = ""):
        self.page.goto("about:blank")
        self.page.goto((self.folder / f"{name}.html").as_uri() + fragment)
        return self.page

    def rows(self) -> int:
        return self.page.locator(".cases tbody tr:not([hidden])").count()


@pytest.fixture
def visit(browser, site):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    one = Visit(context, site)
    yield one
    context.close()
    assert one.trouble == []


def test_filters_live_in_the_address(visit):
    opened = visit.open("one")
    assert visit.rows() == 60
    opened.get_by_role("checkbox", name="violation").check()
    until(opened, "location.hash === '#?v=violation'")
    violations = visit.rows()
    assert 0 < violations < 60
    assert opened.locator("#shown").text_content() == f"{violations} of 60 cases"
    opened.reload()
    assert visit.rows() == violations
    assert opened.get_by_role("checkbox", name="violation").is_checked()


def test_a_shared_address_opens_the_same_view(visit):
    opened = visit.open("one", "#?l=MUST&p=ftp&q=pasv")
    assert opened.locator("[name=l]").input_value() == "MUST"
    shown = opened.locator(".cases tbody tr:not([hidden])")
    assert 0 < shown.count() < 60
    for text in shown.all_text_contents():
        assert "MUST" in text
        assert "PASV" in text


def test_a_suite_leads_to_its_cases(visit):
    opened = visit.open("one")
    opened.get_by_text("By suite").click()
    opened.get_by_role("link", name="Transfer parameters", exact=True).click()
    until(opened, "location.hash === '#?u=Transfer%20parameters&p=ftp'")
    assert opened.locator("[name=u]").input_value() == "Transfer parameters"
    assert 0 < visit.rows() < 60
    assert opened.locator("#filter").is_visible()


def test_nothing_found_offers_a_way_out(visit):
    opened = visit.open("one", "#?q=nosuchword")
    assert visit.rows() == 0
    opened.get_by_role("button", name="Show all cases").click()
    until(opened, "!location.hash")
    assert visit.rows() == 60


@pytest.mark.parametrize("name", ["one", "packed"])
def test_a_case_opens_by_its_own_address(visit, name):
    opened = visit.open(name, "#smtp/case-0")
    article = opened.locator("#case-view article")
    article.wait_for()
    assert "Session: variant 0" in opened.get_by_role("heading", level=1).text_content()
    assert "250-PIPELINING" in article.text_content()
    assert "- C: RCPT TO:<{recipient}> XYZZY=1" in article.text_content()
    assert opened.locator("#overview").is_hidden()
    assert opened.title().startswith("Session: variant 0")


def test_keyboard_path(visit):
    opened = visit.open("one", "#?v=violation")
    violations = visit.rows()
    opened.keyboard.press("/")
    assert opened.evaluate("document.activeElement.name") == "q"
    opened.locator(".cases tbody tr:not([hidden]) a").first.focus()
    opened.keyboard.press("Enter")
    opened.locator("#case-view article").wait_for()
    first = opened.evaluate("location.hash")
    assert first.endswith("?v=violation")
    assert opened.evaluate("document.activeElement.className") == "case"
    opened.keyboard.press("j")
    until(opened, f"location.hash !== '{first}'")
    opened.keyboard.press("k")
    until(opened, f"location.hash === '{first}'")
    opened.keyboard.press("Escape")
    opened.locator("#overview").wait_for()
    assert opened.evaluate("location.hash") == "#?v=violation"
    assert visit.rows() == violations
    assert opened.evaluate("document.activeElement.closest('tr') !== null")


def test_back_leads_back(visit):
    opened = visit.open("one")
    opened.locator(".cases tbody a").first.click()
    opened.locator("#case-view article").wait_for()
    opened.go_back()
    opened.locator("#overview").wait_for()
    assert opened.locator("#case-view").is_hidden()


def test_differences_only(visit):
    opened = visit.open("many", "#?d=1")
    rows = opened.locator(".cases tbody tr:not([hidden])")
    assert 0 < rows.count() < 80
    for verdicts in rows.evaluate_all("rows => rows.map(row => row.dataset.v)"):
        kinds = {cell.split(":")[1] for cell in verdicts.split()} - {"skipped", "inconclusive"}
        assert len(kinds) > 1


def test_charts_are_read_with_the_arrow_keys(visit):
    opened = visit.open("one")
    chart = opened.locator(".chart").first
    chart.locator("svg").focus()
    opened.keyboard.press("Home")
    assert chart.locator("output").text_content().startswith("at 0: messages ")
    opened.keyboard.press("ArrowRight")
    assert chart.locator("output").text_content().startswith("at 1: messages ")


def test_hostile_text_does_nothing(visit):
    opened = visit.open("hostile")
    title = opened.title()
    opened.locator(".cases tbody a").first.click()
    article = opened.locator("#case-view article")
    article.wait_for()
    assert HOSTILE in article.text_content()
    assert opened.locator("img").count() == 0
    assert opened.title() != "owned"
    assert title.startswith(HOSTILE[:20])


@pytest.mark.parametrize("name", ["worst", "banners"])
def test_the_worst_results_are_shown_harmlessly(visit, name):
    opened = visit.open(name)
    assert opened.locator("#answer").is_visible()
    assert opened.locator("img, iframe, object").count() == 0
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b]", opened.locator("body").text_content())
    opened.locator(".cases tbody a").first.click()
    opened.locator("#case-view article").wait_for()
    assert opened.evaluate("document.documentElement.outerHTML.length") < 10_000_000
    assert opened.title() != "owned"


def test_a_cell_of_the_map_leads_to_its_cases(visit):
    opened = visit.open("one")
    cell = opened.locator(".heat td a").first
    wanted = cell.get_attribute("href")
    cell.click()
    until(opened, f"location.hash === '{wanted}'")
    if "?" in wanted:
        assert 0 < visit.rows() < 60
    else:
        opened.locator("#case-view article").wait_for()


def test_a_filter_by_state_and_command_shows_what_it_is(visit):
    opened = visit.open("one", "#?f=mail&o=DATA")
    assert opened.locator("[name=f]").is_visible()
    assert opened.locator("[name=o]").input_value() == "DATA"
    assert 0 < visit.rows() < 60
    for row in opened.locator(".cases tbody tr:not([hidden])").all():
        assert (row.get_attribute("data-f"), row.get_attribute("data-o")) == ("mail", "DATA")


def test_a_requirement_has_an_address_and_the_case_leads_to_it(visit):
    opened = visit.open("one", "#smtp/case-0")
    opened.locator("#case-view article").wait_for()
    opened.get_by_role("link", name="RFC5321-3.2-a").click()
    row = opened.locator("[id='RFC5321-3.2-a']")
    row.wait_for()
    assert "The server does as it should." in row.text_content()
    row.get_by_role("link", name="case-0", exact=True).click()
    opened.locator("#case-view article").wait_for()


def test_a_search_for_the_knee_is_read_with_the_keys(visit):
    opened = visit.open("load")
    chart = opened.locator(".chart", has_text="Latency by offered rate").first
    chart.locator("svg").focus()
    opened.keyboard.press("Home")
    assert chart.locator("output").text_content() == "at 100: p50 5 ms, p99 10 ms"
    opened.get_by_role("link", name="exim").first.click()
    assert opened.locator("#load-0, #load-1, #load-2").count() == 3


def test_without_script_the_page_is_readable(browser, site):
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto((site / "one.html").as_uri())
    assert opened.locator("h1").first.is_visible()
    assert opened.locator(".cases tbody tr").first.is_visible()
    assert opened.locator("#filter").is_hidden()
    opened.goto((site / "one.html").as_uri() + "#smtp/case-0")
    assert opened.locator(".case:visible").count() == 1
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "address",
    [
        *(("one", ""), ("many", ""), ("one", "#smtp/case-0"), ("many", "#smtp/case-7"), ("hostile", "")),
        *(("worst", ""), ("load", "")),
    ],
)
def test_axe_finds_nothing(browser, site, scheme, address):
    context = browser.new_context(bypass_csp=True, color_scheme=scheme)
    opened = Visit(context, site).open(*address)
    if "smtp" in address[1]:
        opened.locator("#case-view article").wait_for()
    opened.add_style_tag(
        content=".group {content-visibility: visible !important}"
    )  # axe cannot look behind it
    opened.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = Axe().run(opened).response["violations"]
    context.close()
    assert [(one["id"], one["impact"], one["nodes"][0]["html"]) for one in found] == []


@pytest.mark.parametrize("name", ["one", "many", "worst", "load"])
def test_narrow_screens_do_not_scroll_sideways(browser, site, name):
    context = browser.new_context(viewport={"width": 360, "height": 800})
    opened = Visit(context, site).open(name)
    assert opened.evaluate("document.documentElement.scrollWidth") <= 360
    if opened.locator(".cases tbody a").count():
        opened.locator(".cases tbody a").first.click()
        opened.locator("#case-view article").wait_for()
    assert opened.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()


def test_print_leaves_the_tools_out(browser, site):
    context = browser.new_context()
    opened = Visit(context, site).open("one")
    opened.emulate_media(media="print")
    assert opened.locator("#filter").is_hidden()
    assert opened.locator(".top").is_hidden()
    assert opened.locator(".cases tbody tr").first.is_visible()
    assert len(opened.pdf()) > 20_000
    context.close()


def test_ten_thousand_results(browser, tmp_path):
    """How long it takes stands in docs/reference/report.md; machines that test are too busy to say."""
    files = [tmp_path / f"{n}.jsonl" for n in range(10)]
    for n, file in enumerate(files):
        records.write(file, results(f"server {n}", 1000, n, ("smtp", "ftp")))
    page.write(files, tmp_path / "big.html")
    assert (tmp_path / "big.html").stat().st_size < 10_000_000
    context = browser.new_context()
    opened = context.new_page()
    opened.goto((tmp_path / "big.html").as_uri())
    until(opened, "document.querySelector('#shown').textContent === '1,000 of 1,000 cases'")
    opened.locator(".cases tbody a").last.click()
    opened.locator("#case-view article").wait_for()
    context.close()
