"""What tests do to documents in place of a server."""

from peregrine_translate.documents.inline import Group, Text, from_markup, to_markup


def upper(nodes):
    changed = []
    for node in nodes:
        if isinstance(node, Text):
            changed.append(Text(node.text.upper()))
        elif isinstance(node, Group):
            changed.append(Group(node.key, upper(node.children)))
        else:
            changed.append(node)
    return changed


def translate(document, change):
    """As the server would: through markup, and back."""
    for segment in document.segments:
        if segment.is_translatable:
            core = segment.peeled.core
            back = from_markup(to_markup(core), core)
            segment.translated = segment.peeled.put_back(change(back))
    return document.to_bytes()


def identity(document):
    return translate(document, lambda nodes: nodes)
