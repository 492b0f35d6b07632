"""The Data Docs: the library's pages, made to look right without the internet, and an index of verdicts in front.

Belongs here: pages. Not here: results. The library's pages load styles, scripts and a logo from six other people's
servers; all of that is taken out, and the little that is used is beside the pages.
"""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment
from lxml import html

from otc_pipelines.gate.model import GateReport

_OWN = ("data_docs.css", "data_docs.js")
_FOREIGN = ("http:", "https:", "//")
_DEEP = "../../../../"  #: how the library's result pages say the root; ours are one folder deep


def render(context: Any, pages: Path) -> dict[str, str]:
    """Render the results of a context into ``pages``, swapped in whole; return suite → its page, relative."""
    building = pages.with_name(f"{pages.name}.{os.getpid()}.building")
    shutil.rmtree(building, ignore_errors=True)
    context.add_data_docs_site(
        "pages",
        {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(building)},
        },
    )
    context.build_data_docs(site_names=["pages"])
    for name in ("images", "fonts"):
        shutil.rmtree(building / "static" / name, ignore_errors=True)
    for name in _OWN:
        (building / "static" / name).write_bytes((files("otc_pipelines.gate") / "static" / name).read_bytes())
    found = {}
    for page in [*building.glob("validations/*/*/*/*.html"), *building.glob("expectations/*.html")]:
        deep = page.parent.parent != building
        name = page.parents[2].name if deep else page.stem
        text = page.read_text(encoding="utf-8")
        plain = building / page.relative_to(building).parts[0] / f"{name}.html"
        plain.write_text(localised(text.replace(_DEEP, "../") if deep else text, "../"), encoding="utf-8")
        if deep:
            found[name] = plain.relative_to(building).as_posix()
    for folder in (building / "validations").glob("*/"):
        shutil.rmtree(folder)
    (building / "index.html").unlink(missing_ok=True)  # ours takes its place, see write_index
    _swap(building, pages)
    return found


def localised(page: str, root: str) -> str:
    """A page of the library without anything from another server, with our own style and script."""
    document: Any = html.document_fromstring(page)
    for element in list(document.iter("script", "link", "img", "iframe")):
        source = element.get("src") or element.get("href") or ""
        if source.startswith(_FOREIGN) or element.get("rel") == "shortcut icon":
            element.drop_tree()
    for element in list(document.iter("footer")):
        element.drop_tree()
    for element in list(document.iter("script")):
        element.drop_tree()  # they call libraries that are not there
    head = document.find("head")
    if head is not None:
        for style in list(head.iter("style")):
            style.drop_tree()
        for title in list(head.iter("title"))[1:]:
            title.drop_tree()
        head.append(html.Element("link", rel="stylesheet", href=f"{root}static/{_OWN[0]}"))
        head.append(html.Element("script", src=f"{root}static/{_OWN[1]}", defer="defer"))
    for brand in document.find_class("navbar-brand"):
        for link in brand.iter("a"):
            link.set("href", f"{root}index.html")
            link.text = "Data Docs"
    _shorten_trail(document)
    return f"<!DOCTYPE html>\n{html.tostring(document, encoding='unicode')}"


def _shorten_trail(document: Any) -> None:
    """The library's trail repeats the suite's name and says that a run has none: keep what tells something."""
    for item in document.find_class("breadcrumb-item"):
        said = [part.strip() for part in item.text_content().split(" / ")]
        if len(said) > 1 and not item.findall(".//a"):
            for child in list(item):
                child.drop_tree()
            item.text = " / ".join(part for part in dict.fromkeys(said) if part != "__none__")


def write_index(pages: Path, report: GateReport) -> None:
    """Write the first page: what may leave, and every suite with its verdict and its page."""
    pages.mkdir(parents=True, exist_ok=True)
    static = pages / "static"
    static.mkdir(exist_ok=True)
    for name in _OWN:
        (static / name).write_bytes((files("otc_pipelines.gate") / "static" / name).read_bytes())
    template = Environment(autoescape=True).from_string(
        (files("otc_pipelines.gate") / "static" / "index.html.j2").read_text(encoding="utf-8")
    )
    text = template.render(report=report, now=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))
    fresh = pages / f"index.{os.getpid()}.new"
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(pages / "index.html")


def _swap(building: Path, pages: Path) -> None:
    old = pages.with_name(f"{pages.name}.{os.getpid()}.old")
    shutil.rmtree(old, ignore_errors=True)
    if pages.exists():
        pages.rename(old)
    building.rename(pages)
    shutil.rmtree(old, ignore_errors=True)
