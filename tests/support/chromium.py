"""A real Chromium that looks at the console: pages as people meet them, and what the browser itself complains of."""

import shutil
import subprocess
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect, sync_playwright

from tests.support.posting import until

PATIENCE_MS = 60_000
"""For whatever is to be seen in the end: a busy machine takes long to start a browser, and to draw in it."""

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",  # containers often have 64 MB there
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
BARRIERS = """async () => {
    const found = await axe.run(document, {resultTypes: ["violations"]});
    return found.violations
        .filter((rule) => rule.impact === "serious" || rule.impact === "critical")
        .flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.target} ${node.failureSummary}`));
}"""


@contextmanager
def launched():
    """The browser; skips the test where there is none."""
    program = next(filter(_runs, filter(None, map(shutil.which, NAMES))), None)
    if program is None:
        pytest.skip("there is no Chromium on this machine: apt-get install chromium")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS, timeout=2 * PATIENCE_MS)
        try:
            yield browser
        finally:
            browser.close()


class Window:
    """A fresh profile's window: its `page`, and in `complaints` what went wrong in it.

    Errors on the browser's console and in scripts, violations of the content security policy, other hosts asked.
    """

    def __init__(self, browser, url, viewport, scheme):
        self.url = url
        self.complaints = []
        self.context = browser.new_context(
            base_url=url, viewport=viewport, color_scheme=scheme, locale="en-GB", timezone_id="UTC", reduced_motion="reduce"
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.on("request", self._asked)
        self.page = self.context.new_page()
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))

    def log_in(self, token):
        """As somebody who has logged in before."""
        self.context.add_cookies([{"name": "daybook_token", "value": token, "url": f"{self.url}/console"}])
        return self

    def barriers(self):
        """What axe-core finds serious or critical on the page as it is now."""
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        return self.page.evaluate(BARRIERS)

    def overflow(self):
        """By how many pixels the page is wider than its window."""
        return self.page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")

    def until(self, true, what):
        """Return when that is so; the browser goes on meanwhile, and tells what happened."""
        until(lambda: self.page.evaluate("true") and true(), what, PATIENCE_MS / 1000)

    def _said(self, message):
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{self.page.url}: {message.text}")

    def _asked(self, request):
        if urlsplit(request.url).netloc != urlsplit(self.url).netloc and not request.url.startswith(("data:", "blob:")):
            self.complaints.append(f"another host was asked: {request.url}")


def _runs(program):
    """Whether it does; in containers of some systems it only says how it could be had."""
    try:
        return subprocess.run([program, "--version"], capture_output=True, timeout=120, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@contextmanager
def window(browser, url, viewport=None, scheme="light"):
    """A window of a fresh profile."""
    opened = Window(browser, url, viewport or DESKTOP, scheme)
    try:
        yield opened
    finally:
        opened.context.close()
