"""Writes gateway/rehearsal/data: the list, the picture and the PDF of the demo's mail. Same bytes every time.

In: nothing. Out: people.csv (what the demo expects of each row), LISTE.XLS (the same rows as Excel 97 wrote them),
medaillon.png, programme.pdf. Run it after changing the world; needs xlwt, a development dependency.
"""

from __future__ import annotations

import csv
import random
import struct
import zlib
from pathlib import Path

import xlwt

DATA = Path(__file__).resolve().parents[1] / "gateway" / "rehearsal" / "data"
COLUMNS = ("RS", "Nom", "Prénom", "Email")
# domain, its RS, how many people
HOUSES = (
    ("mairie-valfleury.test", "Mairie de Valfleury", 28),
    ("boulangerie-durand.test", "Boulangerie Durand & Fils", 44),
    ("ecole-des-tilleuls.test", "École des Tilleuls", 26),
    ("lycee-horizon.test", "Lycée de l'Horizon", 62),
    ("garage-lefort.test", "Garage Lefort", 8),
    ("notaires-associes.test", "SCP Notaires associés", 6),
    ("transports-morel.test", "Transports Morel", 5),
    ("pharmacie-centrale.test", "Pharmacie Centrale", 4),
    ("cabinet-dubois.test", "Cabinet Dubois", 6),
    ("assurances-loire.test", "Assurances de la Loire", 8),
    ("club-randonnee.test", "Club de randonnée", 5),
    ("atelier-bois.test", "L'Atelier du bois", 16),
    ("cooperative-verte.test", "Coopérative verte", 52),
)
SPECIAL = (
    ("boulangerie-durand.test", "Roussel", "Paul"),
    ("lycee-horizon.test", "Fontaine", "Claire"),
    ("cooperative-verte.test", "Girard", "Marc"),
)
FIRST = (
    "Adèle Agathe Alice André Anaïs Antoine Aurélie Benoît Camille Cécile Céline Chloé Christophe Claude Colette Damien "
    "Denis Élise Éloïse Émile Étienne Fabien Fanny Florence François Gaëlle Gérard Gilles Hélène Hugo Inès Irène Jacques "
    "Jérôme Joël Julie Karine Laure Léa Loïc Lucie Madeleine Manon Margaux Maël Mireille Nadège Noémie Océane Odile "
    "Pascal Rémi Renée Romain Sabine Sébastien Solène Sylvie Théo Valérie Véronique Xavier Yann Yvette Zoé"
)
LAST = (
    "Aubert Barbier Baron Bénard Bertrand Blanchet Bonnet Boulanger Bourgeois Brunet Caron Chevalier Clément Collet Cordier "
    "Daniel Delorme Deschamps Dufour Dumont Dupuis Étienne Fabre Faure Ferrand Fleury Fournier Gaillard Gauthier Giraud "
    "Guérin Guichard Hamel Humbert Jacquet Joly Lacroix Lambert Langlois Leclerc Lefèvre Legrand Lemaître Léger Maillard "
    "Marchand Masson Mercier Meunier Monnier Morin Noël Olivier Parent Pascal Pelletier Perrin Picard Poirier Prévost "
    "Renaud Rivière Robin Rolland Royer Sauvage Schmitt Tessier Vasseur Vidal Weber"
)
# kind, RS, Nom, Prénom, Email: what offices really have in their lists
FAULTS = (
    ("syntax", "Fleuriste Mimosa", "Petit", "Jeanne", "jeanne.petit@"),
    ("syntax", "Garage Lefort", "Moreau", "Luc", "luc.moreau garage-lefort.test"),
    ("empty", "Librairie du Marché", "Blanc", "Rose", ""),
    ("syntax", "Taxi Gilbert", "Gilbert", "Jo", "pas d'adresse"),
    ("own", "Mairie de Valfleury", "Accueil", "", "mail@envoi.valfleury.test"),
    ("dead", "Ancienne imprimerie", "Roche", "Alain", "alain.roche@domaine-disparu.test"),
    ("dead", "Minitel Service", "Lebrun", "Guy", "guy.lebrun@sans-courriel.test"),
)
_ASCII = str.maketrans("àâäçéèêëîïôöùûüÿ", "aaaceeeeiioouuuy")


def address(first: str, last: str, domain: str) -> str:
    """`prenom.nom@domain` without accents."""
    return f"{first}.{last}@{domain}".lower().translate(_ASCII).replace(" ", "-").replace("'", "")


def rows() -> list[tuple[str, ...]]:
    """Every row with its kind first: good, duplicate, or the fault that it shows."""
    luck = random.Random("Valfleury")
    names = [(first, last) for first in FIRST.split() for last in LAST.split()]
    luck.shuffle(names)
    found = []
    for domain, rs, count in HOUSES:
        special = [(last, first) for house, last, first in SPECIAL if house == domain]
        people = special + [(last, first) for first, last in (names.pop() for _ in range(count - len(special)))]
        found += [("good", rs, last, first, address(first, last, domain)) for last, first in people]
    luck.shuffle(found)
    doubles = [
        ("duplicate", *found[at][1:4], found[at][4].upper() if at % 2 else found[at][4]) for at in (12, 77, 130, 201)
    ]
    found[40] = (*found[40][:4], f"{found[40][4]} ; secretariat@lycee-horizon.test")  # two people in one cell
    for at, row in zip((23, 58, 96, 141, 187, 222, 251), FAULTS, strict=True):
        found.insert(at, row)
    return found + doubles


def write_lists(found: list[tuple[str, ...]]) -> None:
    """people.csv and LISTE.XLS."""
    with (DATA / "people.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=";", lineterminator="\n").writerows([("kind", *COLUMNS), *found])
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("Invités")
    bold = xlwt.easyxf("font: bold on")
    for column, title in enumerate(COLUMNS):
        sheet.write(0, column, title, bold)
    for number, row in enumerate(found, 1):
        for column, text in enumerate(row[1:]):
            if text:
                sheet.write(number, column, text)
    for column, width in enumerate((28, 16, 16, 44)):
        sheet.col(column).width = width * 256
    book.save(str(DATA / "LISTE.XLS"))


def write_picture(width: int = 240, height: int = 96) -> None:
    """A hill, a river and a sun, as a small PNG."""
    lines = bytearray()
    for y in range(height):
        lines.append(0)
        for x in range(width):
            hill = height * 0.62 - 18 * (1 - ((x - 150) / 110) ** 2)
            sun = (x - 62) ** 2 + (y - 34) ** 2 < 19**2
            river = abs(x - (120 + (y - 70) * 1.6)) < (y - 58) * 0.5
            if y > hill:
                colour = (74, 144, 190) if river and y > 60 else (84, 130, 72)
            else:
                colour = (244, 178, 62) if sun else (205 + y // 4, 226, 240)
            lines += bytes(colour)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(lines), 9)), (b"IEND", b""))
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    (DATA / "medaillon.png").write_bytes(png)


def write_programme() -> None:
    """One page in Helvetica."""
    lines = [
        (24, 70, 760, "Médiathèque de Valfleury"),
        (14, 70, 728, "Programme de l'inauguration, samedi 12 décembre"),
        (12, 70, 684, "10 h 00   Accueil, café et brioche"),
        (12, 70, 662, "10 h 30   Discours de la maire et coupe du ruban"),
        (12, 70, 640, "11 h 00   Visite guidée des trois étages"),
        (12, 70, 618, "14 h 00   Heure du conte pour les enfants"),
        (12, 70, 596, "16 h 00   Concert de l'harmonie municipale"),
    ]
    text = "".join(f"BT /F1 {size} Tf {x} {y} Td ({words}) Tj ET\n" for size, x, y, words in lines).encode("cp1252")
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%sendstream" % (len(text), text),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    )
    out, places = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    (DATA / "programme.pdf").write_bytes(bytes(out))


if __name__ == "__main__":
    DATA.mkdir(parents=True, exist_ok=True)
    write_lists(rows())
    write_picture()
    write_programme()
