"""The object that holds files, its fields that mean more than they say, and names that a file can have there."""

from __future__ import annotations

from pathlib import PurePosixPath

FILES = "ContentVersion"
CONTENT, FILE_NAME, PLACE = "VersionData", "PathOnClient", "FirstPublishLocationId"
"""Its fields for the content, the file's name, and the record it goes to."""

LONGEST_NAME = 250


def file_name(text: str) -> str:
    """A name without a path and without what no file system takes; never empty.

    ``PathOnClient`` is the only place where Salesforce learns a file's extension, so a long name keeps that.
    """
    name = PurePosixPath(text.replace("\\", "/")).name
    name = "".join(each for each in name if each.isprintable() and each not in '<>:"|?*').strip(" .")
    if len(name) > LONGEST_NAME:
        stem, _, extension = name.rpartition(".")
        name = (
            f"{stem[: LONGEST_NAME - 1 - len(extension)]}.{extension}" if len(extension) < 20 else name[:LONGEST_NAME]
        )
    return name or "file"
