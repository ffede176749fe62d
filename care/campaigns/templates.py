"""The templates of messages: found on disk, compiled once, kept by the digest of their content."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from care.base.errors import CareError, FileError
from care.base.vocabulary import Channel
from care.campaigns.email_source import compile_email
from care.campaigns.sandbox import Render, compile_text, parse
from care.campaigns.template_files import SHARED, choose_file, find_files, read_source, template_names
from care.campaigns.template_names import names_in

Files = dict[tuple[Channel, str], Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageTemplate:
    """One text in one language, ready to render.

    `needed` variables must be there; `optional` ones are asked for with `{% if %}` and may be absent.
    """

    name: str
    channel: Channel
    locale: str  # of the file, which may be a relative of the customer's
    path: Path
    needed: frozenset[str]
    optional: frozenset[str]
    text: Render  # the SMS, or the plain text part of an e-mail
    subject: Render | None = None
    html: Render | None = None

    @property
    def variables(self) -> frozenset[str]:
        """Return every variable the text uses."""
        return self.needed | self.optional


class TemplateLibrary:
    """All templates below one folder, compiled when first asked for.

    `generation` grows with every `reload` that found a change; what was derived from older templates is then stale.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.generation = 0
        self._files: dict[str, Files] = {}
        self._compiled: dict[Path, tuple[str, MessageTemplate]] = {}  # with the digest of what it was made of
        self._chosen: dict[tuple[str, Channel, str], MessageTemplate] = {}
        self._digests: dict[str, str] = {}

    def names(self) -> list[str]:
        """Return the names of all templates, sorted."""
        return template_names(self.directory)

    def files(self, name: str) -> Files:
        """Return the files of a template by channel and locale.

        Raises:
            FileError: no such template, or a file in its folder that is none.
        """
        if name not in self._files:
            self._files[name] = find_files(self.directory, name)
        return self._files[name]

    def locales(self, name: str, channel: Channel) -> list[str]:
        """Return the locales a template has a file for, sorted."""
        return sorted(locale for kind, locale in self.files(name) if kind is channel)

    def resolve(self, name: str, channel: Channel, locale: str) -> tuple[Path, str]:
        """Return (path, locale used) of the text a customer of `locale` gets.

        Raises:
            FileError: no such template, or none for this channel and language.
        """
        return choose_file(self.files(name), self.directory, name, channel, locale)

    def get(self, name: str, channel: Channel, locale: str) -> MessageTemplate:
        """Return the compiled text a customer of `locale` gets.

        Raises:
            FileError: missing or broken, at the exact line.
        """
        key = (name, channel, locale)
        found = self._chosen.get(key)
        if found is None:
            path, used = self.resolve(name, channel, locale)
            found = self._chosen[key] = self._compile(name, channel, used, path)
        return found

    def variables(self, name: str, channel: Channel, locale: str) -> frozenset[str]:
        """Return every variable the text for a customer of `locale` uses."""
        return self.get(name, channel, locale).variables

    def digest(self, name: str) -> str:
        """Return a digest of all texts of a template, shared pieces included; it changes when any of them does."""
        if name not in self._digests:
            parts = [path.name + "\n" + read_source(path) for path in sorted(self.files(name).values())]
            if any(channel is Channel.EMAIL for channel, _ in self.files(name)):
                parts.append(self._shared_digest())
            self._digests[name] = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        return self._digests[name]

    def problems(self) -> list[FileError]:
        """Compile every file of every template and return what is wrong, in order of name and file."""
        found: list[FileError] = []
        for name in self.names():
            try:
                files = self.files(name)
            except FileError as error:
                found.append(error)
                continue
            for (channel, locale), path in files.items():
                try:
                    self._compile(name, channel, locale, path)
                except FileError as error:
                    found.append(error)
        return found

    def reload(self) -> bool:
        """Look at the disk again; return whether anything that was in use changed. Unchanged files stay compiled."""
        before, self._digests = self._digests, {}
        self._files.clear()
        self._chosen.clear()
        is_changed = any(self._digest_or_nothing(name) != digest for name, digest in before.items())
        self.generation += is_changed
        return is_changed

    def _digest_or_nothing(self, name: str) -> str:
        try:
            return self.digest(name)
        except CareError:
            return ""

    def _shared_digest(self) -> str:
        pieces = sorted((self.directory / SHARED).glob("**/*.mjml"))
        return hashlib.sha256("\0".join(f"{path}\n{read_source(path)}" for path in pieces).encode()).hexdigest()

    def _compile(self, name: str, channel: Channel, locale: str, path: Path) -> MessageTemplate:
        self.digest(name)  # remembered, so that `reload` knows what is in use
        source = read_source(path)
        content = source if channel is Channel.SMS else source + self._shared_digest()
        made_of = hashlib.sha256(content.encode()).hexdigest()
        known = self._compiled.get(path)
        if known is None or known[0] != made_of:
            build = _compile_sms if channel is Channel.SMS else self._build_email
            known = self._compiled[path] = (made_of, build(name, locale, path, source))
        return known[1]

    def _build_email(self, name: str, locale: str, path: Path, source: str) -> MessageTemplate:
        email = compile_email(source, path, self.directory)
        return MessageTemplate(
            name=name,
            channel=Channel.EMAIL,
            locale=locale,
            path=path,
            needed=email.needed,
            optional=email.optional,
            text=email.text,
            subject=email.subject,
            html=email.html,
        )


def _compile_sms(name: str, locale: str, path: Path, source: str) -> MessageTemplate:
    if not source.strip():
        raise FileError(path, "is empty", "Write the text of the message")
    needed, optional = names_in(parse(source, path))
    return MessageTemplate(
        name=name,
        channel=Channel.SMS,
        locale=locale,
        path=path,
        needed=needed,
        optional=optional,
        text=compile_text(source.strip()),
    )
