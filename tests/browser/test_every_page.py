"""Every page opens without a fault, fits every width and keeps the rules of WCAG 2.2 AA in both themes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Page

from tests.browser import axe
from tests.browser.faults import Faults
from tests.browser.looking import each_tab, too_wide
from tests.browser.stack import Stack
from tests.browser.world import PATHS, World, plain_world

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture(scope="module")
def world(stack: Stack) -> World:
    return plain_world(stack)


@pytest.mark.parametrize("name", PATHS)
def test_a_page_is_for_everybody(
    open_page: Callable[[str], Page], faults: Faults, world: World, name: str
) -> None:
    if name == "unknown run":
        faults.allow("status of 404")
    page = open_page(world.path(name))

    for tab in each_tab(page):
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            assert not axe.violations(page), f"{tab} in the {theme} theme"
        assert not too_wide(page), tab
