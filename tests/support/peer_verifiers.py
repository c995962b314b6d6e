"""Three makers of DKIM verifiers judge the same mails: dkimpy, OpenDKIM (libopendkim) and Perl's Mail::DKIM.

In: mails as bytes of the wire and the published records. Out: the verdict of each, in the mails' order. DNS is never
asked: each verifier has its own way to be told the key. What is not installed fails the test with a sentence.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from peer_tree import program

from mail.dkim import verify_with_dkimpy

_PERL = r"""
use strict; use warnings;
use Mail::DKIM::Verifier; use Mail::DKIM::PublicKey;
my %keys;
open(my $list, '<', shift @ARGV) or die;
while (my $row = <$list>) { chomp $row; my ($name, $value) = split(/ /, $row, 2); $keys{$name} = $value; }
{
  no warnings 'redefine';
  *Mail::DKIM::PublicKey::fetch = sub {
    my ($class, %query) = @_;
    my $value = $keys{"$query{Selector}._domainkey.$query{Domain}"} or return;
    my $key = $class->parse($value); $key->check; return $key;
  };
  *Mail::DKIM::PublicKey::fetch_async = sub {
    my ($class, %query) = @_;
    my $key = $class->fetch(%query);
    my $told = $query{Callbacks};
    return sub { return $told->{Success} ? $told->{Success}->($key) : $key };
  };
}
for my $path (@ARGV) {
  open(my $mail, '<:raw', $path) or die;
  my $verifier = Mail::DKIM::Verifier->new(); local $/; my $text = <$mail>;
  $verifier->PRINT($text); $verifier->CLOSE;
  print $verifier->result, "\n";
}
"""


def dkimpy(mails: Sequence[bytes], published: Mapping[str, str]) -> list[bool]:
    """What dkimpy says."""
    return [verify_with_dkimpy(mail, published.get) for mail in mails]


def opendkim(mails: Sequence[bytes], published: Mapping[str, str], folder: Path) -> list[bool]:
    """What OpenDKIM says, run on files with its keys from a file."""
    keys = folder / "opendkim.keys"
    keys.write_text("".join(f"{name} {value}\n" for name, value in published.items()))
    conf = folder / "opendkim.conf"
    conf.write_text(f"Syslog no\nMode v\nTestPublicKeys {keys}\nBackground no\nUserID root\n")
    paths = [str(path) for path in _files(mails, folder / "opendkim")]
    words = [program("opendkim", "opendkim"), "-x", str(conf), "-t", ",".join(paths), "-v"]
    told = subprocess.run(words, capture_output=True, text=True, timeout=120).stdout.splitlines()
    good = {line.split(": ")[1] for line in told if "verification (s=" in line and line.endswith("succeeded")}
    return [path in good for path in paths]


def mail_dkim(mails: Sequence[bytes], published: Mapping[str, str], folder: Path) -> list[bool]:
    """What Perl's Mail::DKIM says."""
    perl = program("perl", "perl")
    asked = subprocess.run([perl, "-MMail::DKIM::Verifier", "-e", "1"], capture_output=True, timeout=60)
    assert asked.returncode == 0, "Mail::DKIM is missing: install Debian's package libmail-dkim-perl"
    keys, script = folder / "perl.keys", folder / "verify.pl"
    keys.write_text("".join(f"{name} {value}\n" for name, value in published.items()))
    script.write_text(_PERL)
    words = [perl, str(script), str(keys), *map(str, _files(mails, folder / "perl"))]
    told = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert told.returncode == 0, told.stderr
    return [line == "pass" for line in told.stdout.split("\n")[:-1]]


def _files(mails: Sequence[bytes], folder: Path) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"{number:04}.eml" for number in range(len(mails))]
    for path, mail in zip(paths, mails, strict=True):
        path.write_bytes(mail)
    return paths
