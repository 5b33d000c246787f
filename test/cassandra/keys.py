"""What writes and queries share: literals of key columns, and the statement as a paragraph of a script."""
import script

SLICES = ["<", "<=", ">", ">="]


class Keys:
    """Literals of key columns, in the text or bound to markers there."""

    def __init__(self, random, table):
        self.random, self.table = random, table
        self.fixed = {}  # literals that a statement must take
        self.bound = None  # literals of the markers so far; None: no markers

    def _key(self, column):
        literal = self.fixed.get(column.name) or self.random.choice(self.table.domains[column.name])
        if self.bound is None or literal.startswith("-"):  # a cast of a negative number is not for every parser
            return literal
        self.bound.append(literal)
        return "?"

    def _paragraph(self, make, page=0, any_order=False, may_bind=True):
        """Of the text that `make` gives, sometimes with markers for keys."""
        self.bound = [] if may_bind and self.random.random() < 0.2 else None
        step = script.Step(text=make() + ";", page=page)
        step.values = [self.bound] if self.bound else []
        self.bound = None
        return script.Paragraph(steps=[step], any_order=any_order)
