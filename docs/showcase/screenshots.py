"""Pictures of the example report for the README: `make showcase` runs this after the report was made.

python docs/showcase/screenshots.py [CHROMIUM]
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).parent
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
# name, address within the report, colour scheme
VIEWS = (
    ("servers", "", "light"),
    ("differences", "#?d=1&p=smtp", "light"),
    ("case", "#smtp/false-end[LF.CRLF]", "dark"),
    ("states", "#states", "light"),
    ("coverage", "#coverage", "light"),
    ("load", "#load", "light"),
)


def take(browser: Browser, name: str, address: str, scheme: str) -> None:
    """One picture, in the size of a small laptop's window."""
    context = browser.new_context(viewport={"width": 1200, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto((HERE / "lab.html").as_uri() + address)
    page.wait_for_timeout(500)
    page.screenshot(path=HERE / f"{name}.png")
    context.close()


def main() -> int:
    """Exit code 0, or 2 where there is no browser or no report."""
    chromium = sys.argv[1] if len(sys.argv) > 1 else shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None or not (HERE / "lab.html").is_file():
        print("screenshots: needs chromium, and docs/showcase/lab.html from `make showcase`", file=sys.stderr)
        return 2
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=list(QUIET))
        for view in VIEWS:
            take(browser, *view)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
