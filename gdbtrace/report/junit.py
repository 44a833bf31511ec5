"""JUnit's XML, which CI systems show: what each case of a suite came to.

Schema: https://github.com/testmoapp/junitxml, as GitLab's "Unit test reports" reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from gdbtrace.report.printable import printable


@dataclass(frozen=True, slots=True)
class JunitCase:
    """One case."""

    name: str
    seconds: float
    failure: Sequence[str] = ()
    """Why it failed, in lines; none: it did not..."""
    error: Sequence[str] = ()
    """...or why it could not be tried."""


def junit_xml(suite: str, cases: Iterable[JunitCase]) -> bytes:
    """A report on one suite."""
    listed = list(cases)
    facts = {
        "name": printable(suite),
        "tests": str(len(listed)),
        "failures": str(sum(bool(case.failure) for case in listed)),
        "errors": str(sum(bool(case.error) for case in listed)),
        "time": f"{sum(case.seconds for case in listed):.3f}",
    }
    suites = ElementTree.Element("testsuites")
    root = ElementTree.SubElement(suites, "testsuite", facts)
    for case in listed:
        names = {"classname": printable(suite), "name": printable(case.name), "time": f"{case.seconds:.3f}"}
        element = ElementTree.SubElement(root, "testcase", names)
        for kind, lines in (("failure", case.failure), ("error", case.error)):
            if lines:
                shown = [printable(line) for line in lines]
                ElementTree.SubElement(element, kind, {"message": shown[0]}).text = "\n".join(shown)
    ElementTree.indent(suites)
    encoded: bytes = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)
    return encoded + b"\n"
