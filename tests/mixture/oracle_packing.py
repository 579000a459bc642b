"""Best-fit decreasing as one would say it: slow, with a list of rows and no tree."""

from __future__ import annotations


def best_fit(sizes: list[int], capacity: int) -> list[int]:
    """The row of every piece. Among rows with equal space, the one whose space changed last is taken."""
    spaces: list[int] = []
    changed: list[int] = []
    rows = [0] * len(sizes)
    for turn, piece in enumerate(sorted(range(len(sizes)), key=lambda i: (-sizes[i], i))):
        fitting = [row for row, space in enumerate(spaces) if space >= sizes[piece]]
        if fitting:
            row = min(fitting, key=lambda row: (spaces[row], -changed[row]))
        else:
            row = len(spaces)
            spaces.append(capacity)
            changed.append(0)
        spaces[row] -= sizes[piece]
        changed[row] = turn
        rows[piece] = row
    return rows


def pieces(sizes: list[int], capacity: int, crop: bool) -> list[tuple[int, int, int]]:
    """Document, beginning and size of each piece."""
    made = []
    for document, size in enumerate(sizes):
        begin = 0
        while begin < size:
            made.append((document, begin, min(capacity, size - begin)))
            begin = size if crop else begin + capacity
    return made


def lay_out(sizes: list[int], capacity: int, packing: str, crop: bool) -> list[list[tuple[int, int, int]]]:
    """The pieces of every row."""
    if packing == "concatenate":
        return concatenated(sizes, capacity)
    made = pieces(sizes, capacity, crop and packing == "document")
    if packing == "document":
        return [[piece] for piece in made]
    rows = best_fit([size for _, _, size in made], capacity)
    found = [
        [piece for piece, row in zip(made, rows, strict=True) if row == r] for r in range(max(rows, default=-1) + 1)
    ]
    longest_first = {id(row): max(row, key=lambda p: (p[2], -p[0], -p[1]))[:2] for row in found}
    return sorted(found, key=lambda row: longest_first[id(row)])


def concatenated(sizes: list[int], capacity: int) -> list[list[tuple[int, int, int]]]:
    """Token by token."""
    places = [(document, begin) for document, size in enumerate(sizes) for begin in range(size)]
    rows = []
    for start in range(0, len(places), capacity):
        row: list[tuple[int, int, int]] = []
        for document, begin in places[start : start + capacity]:
            if row and row[-1][0] == document:
                row[-1] = (document, row[-1][1], row[-1][2] + 1)
            else:
                row.append((document, begin, 1))
        rows.append(row)
    return rows
