"""Newly made English sentences with numbers of every kind, for bench/spans.

Each kind has a maker of numbers and the sentences that it is said in. `{}` is
the number; "front", "middle" and "end" of a sentence and neighbours that are
protected spans of their own (addresses, placeholders, emoji) are among them.
"""
import random

SENTENCES = {
    "amount": [
        "{} are due at the end of the month.",
        "The total comes to {}, as agreed.",
        "Please transfer {} to the account below.",
        "He paid {} for the old house!",
        "We expected {}; the offer was lower.",
        "Press {{name}} to continue, {} are due! 😀",
        "Did the repair really cost {}?",
        "Your invoice (see https://shop.example.org/i?n=7a) amounts to {}.",
        "Of the money, {} went to @helpers and the rest was saved.",
        "The price rose to {}",
    ],
    "quantity": [
        "{} were delivered yesterday.",
        "The box weighs {} and is heavy.",
        "They sold {} in a single year.",
        "The result was {}, which surprised everyone.",
        "Use `limit` to set it to {}.",
        "The room is {} long and quite dark.",
        "More than {} came to the festival 🎉.",
        "At least {} of the water was lost.",
        "Nobody knows why it grew by {}!",
        "The measured value: {}",
    ],
    "share": [
        "{} of the voters stayed at home.",
        "The unemployment rate fell to {} in spring.",
        "Only {} of all answers were correct.",
        "Sales increased by {} compared with last year.",
        "%s has used {} of the storage.",
        "We give you {} off all shoes!",
        "Is {} a good result?",
        "The humidity is {}",
    ],
    "date": [
        "The contract ends on {}.",
        "On {}, the museum opens again.",
        "{} is the last day for applications.",
        "Between today and {} nothing will change.",
        "Write to jo@example.org before {}, please.",
        "She was born on {} in a small village.",
        "Was the letter sent on {}?",
        "Last change: {}",
    ],
    "time": [
        "The train leaves at {}.",
        "At {}, all lights went out.",
        "{} is too early for me.",
        "The meeting was moved to {} because of the storm.",
        "See you at {} 😀",
        "Why does the shop close at {}?",
        "Start {{job}} at {} and wait.",
    ],
    "name": [
        "Please install {} first.",
        "{} was a success.",
        "The update to {} repairs the error.",
        "Everyone talks about {} now.",
        "Does it work with {}?",
        "See /usr/share/doc/app for {}.",
        "I bought {} last week, and it broke.",
    ],
    "contact": [
        "Call {} if you need help.",
        "You can reach us under {} at any time.",
        "{} is the number of the office.",
        "Please pay to {} by Friday.",
        "Send {{code}} to {}.",
        "My new number is {}",
        "Is {} still in use?",
    ],
    "range": [
        "The book is for children aged {}.",
        "It takes {} days to arrive.",
        "Read pages {} before the lesson.",
        "About {} people work here.",
        "Between {} nothing happened.",
        "The values {} are allowed; others are not.",
        "Choose {} in {{menu}}.",
    ],
    "order": [
        "She finished {} in the race.",
        "The {} floor is closed today.",
        "This is the {} time that we meet.",
        "On the {} day it rained.",
        "He lives in the {} house on the left.",
        "It was their {} anniversary 🎂!",
    ],
    "part": [
        "Add {} cup of sugar and stir.",
        "{} of the cake is gone.",
        "We need {} litres of milk.",
        "About {} of the land is forest.",
        "Mix it with {} spoon of salt, then wait.",
    ],
    "list": [
        "The numbers {} were drawn.",
        "Rooms {} are free today.",
        "Take the lines {} to the station.",
        "Steps {} are not needed.",
    ],
    "score": [
        "Our team won {} last night.",
        "The match ended {}.",
        "At {}, the game was stopped.",
        "The picture has a ratio of {}.",
    ],
}


def grouped(r, low, high, separator=","):
    return f"{r.randrange(low, high):,}".replace(",", separator)


def cents(r):
    return f"{r.randrange(100):02}"


def digits(r, count):
    return "".join(str(r.randrange(10)) for _ in range(count))


MONTHS = ["January", "March", "April", "July", "September", "December"]
CURRENCIES = ["EUR", "USD", "CHF", "GBP", "euros", "dollars"]
UNITS = ["km", "kg", "m", "km/h", "GB", "°C", "ml", "kWh", "m²", "mm"]

# kind -> (sentences, makers)
KINDS = {
    "thousands": ("quantity", [
        lambda r: grouped(r, 1000, 99999) + " people",
        lambda r: grouped(r, 100000, 9999999) + " books",
        lambda r: grouped(r, 1000, 9999999, "\u00a0") + " cars",
        lambda r: grouped(r, 1000, 9999999, "\u202f") + " letters",
        lambda r: grouped(r, 1000, 999999, "'") + " boxes",
        lambda r: grouped(r, 10000, 9999999, " ") + " trees",
        lambda r: str(r.randrange(10000, 9999999)) + " stars",
    ]),
    "decimal": ("quantity", [
        lambda r: f"{r.randrange(1000)}.{digits(r, 2)}",
        lambda r: f"0.{digits(r, r.randrange(1, 6))}",
        lambda r: f"{grouped(r, 1000, 99999)}.{digits(r, 2)}",
        lambda r: f"-{r.randrange(99)}.{digits(r, 1)}",
        lambda r: f"+{r.randrange(99)}.{digits(r, 3)}",
        lambda r: f"{r.randrange(99)}.{digits(r, 1)} million",
        lambda r: f"{r.randrange(1, 9)}.{digits(r, 2)}e{r.randrange(2, 12)}",
        lambda r: f"{r.randrange(1, 9)}.{digits(r, 1)} × 10^{r.randrange(2, 12)}",
    ]),
    "currency": ("amount", [
        lambda r: f"{grouped(r, 1000, 99999)}.{cents(r)} {r.choice(CURRENCIES)}",
        lambda r: f"100% of {grouped(r, 1000, 99999)}.{cents(r)} EUR",
        lambda r: f"${r.randrange(1, 999)}.{cents(r)}",
        lambda r: f"${grouped(r, 1000, 9999999)}",
        lambda r: f"€{grouped(r, 1000, 99999)}.{cents(r)}",
        lambda r: f"£{r.randrange(1, 99)}.{digits(r, 1)}m",
        lambda r: f"US${r.randrange(2, 99)} billion",
        lambda r: f"{r.randrange(2, 999)} {r.choice(CURRENCIES)}",
        lambda r: f"{r.randrange(2, 999)}.{cents(r)}€",
        lambda r: f"EUR {r.randrange(2, 99)},{cents(r)}",
    ]),
    "percent": ("share", [
        lambda r: f"{r.randrange(2, 100)}%",
        lambda r: f"{r.randrange(2, 100)}.{digits(r, 1)}%",
        lambda r: f"{r.randrange(2, 100)}.{digits(r, 2)} %",
        lambda r: f"{r.randrange(2, 100)} percent",
        lambda r: f"{r.randrange(2, 50)}-{r.randrange(51, 99)}%",
        lambda r: f"{r.randrange(2, 20)}‰",
        lambda r: f"{r.randrange(2, 100)},{digits(r, 1)}%",
    ]),
    "unit": ("quantity", [
        lambda r: f"{r.randrange(2, 999)} {r.choice(UNITS)}",
        lambda r: f"{r.randrange(2, 999)}{r.choice(UNITS)}",
        lambda r: f"{r.randrange(2, 99)}.{digits(r, 1)} {r.choice(UNITS)}",
        lambda r: f"{r.randrange(2, 99)}.{digits(r, 2)}{r.choice(UNITS)}",
        lambda r: f"-{r.randrange(2, 40)} °C",
        lambda r: f"{r.randrange(2, 99)} x {r.randrange(2, 99)} cm",
        lambda r: f"{r.randrange(100, 4000)}x{r.randrange(100, 4000)}",
        lambda r: f"{r.randrange(4, 7)}'{r.randrange(1, 12)}\"",
        lambda r: f"{r.randrange(4, 7)} ft {r.randrange(1, 12)} in",
        lambda r: f"{r.randrange(10, 80)}.{digits(r, 4)}° N, {r.randrange(10, 80)}.{digits(r, 4)}° E",
    ]),
    "date": ("date", [
        lambda r: f"{r.choice(MONTHS)} {r.randrange(1, 29)}, {r.randrange(1800, 2100)}",
        lambda r: f"{r.randrange(1, 29)} {r.choice(MONTHS)} {r.randrange(1800, 2100)}",
        lambda r: f"{r.randrange(1990, 2030)}-{r.randrange(1, 13):02}-{r.randrange(1, 29):02}",
        lambda r: f"{r.randrange(1, 13):02}/{r.randrange(1, 29):02}/{r.randrange(1990, 2030)}",
        lambda r: f"{r.randrange(1, 29)}.{r.randrange(1, 13)}.{r.randrange(1990, 2030)}",
        lambda r: f"{r.randrange(1, 29)}/{r.randrange(1, 13)}/{r.randrange(10, 30)}",
        lambda r: f"{r.choice(MONTHS)} {r.choice(['2nd', '3rd', '11th', '21st'])}",
        lambda r: f"{r.randrange(1990, 2030)}-{r.randrange(1, 13):02}-{r.randrange(1, 29):02}T{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}Z",
    ]),
    "time": ("time", [
        lambda r: f"{r.randrange(24)}:{r.randrange(60):02}",
        lambda r: f"{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}",
        lambda r: f"{r.randrange(1, 13)}:{r.randrange(60):02} p.m.",
        lambda r: f"{r.randrange(1, 13)}am",
        lambda r: f"{r.randrange(1, 13)} PM",
        lambda r: f"{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}.{digits(r, 3)}",
        lambda r: f"{r.randrange(24)}h{r.randrange(60):02}",
        lambda r: f"{r.randrange(24):02}.{r.randrange(60):02}",
    ]),
    "version": ("name", [
        lambda r: f"version {r.randrange(9)}.{r.randrange(30)}",
        lambda r: f"{r.randrange(9)}.{r.randrange(30)}.{r.randrange(30)}",
        lambda r: f"Python 3.{r.randrange(20)}",
        lambda r: f"v{r.randrange(2, 30)}",
        lambda r: f"release {r.randrange(2015, 2030)}.{r.randrange(1, 12):02}",
        lambda r: f"{r.randrange(9)}.{r.randrange(30)}.{r.randrange(30)}-rc{r.randrange(1, 9)}",
        lambda r: f"Windows {r.randrange(7, 12)}",
        lambda r: f"the M{r.randrange(2, 90)}",
        lambda r: f"ISO {r.randrange(1000, 29999)}-{r.randrange(1, 9)}",
    ]),
    "phone": ("contact", [
        lambda r: f"+49 {r.randrange(30, 99)} {digits(r, 7)}",
        lambda r: f"({r.randrange(200, 999)}) {r.randrange(200, 999)}-{digits(r, 4)}",
        lambda r: f"0800-{digits(r, 3)}-{digits(r, 3)}",
        lambda r: f"{r.randrange(200, 999)}-{digits(r, 4)}",
        lambda r: f"+1-{r.randrange(200, 999)}-555-{digits(r, 4)}",
        lambda r: f"0{digits(r, 3)}/{digits(r, 6)}",
        lambda r: f"0{digits(r, 9)}",
        lambda r: f"+44 20 {digits(r, 4)} {digits(r, 4)}",
    ]),
    "account": ("contact", [
        lambda r: f"DE{digits(r, 2)} {digits(r, 4)} {digits(r, 4)} {digits(r, 4)} {digits(r, 4)} {digits(r, 2)}",
        lambda r: f"DE{digits(r, 20)}",
        lambda r: f"GB{digits(r, 2)} BARC {digits(r, 4)} {digits(r, 4)} {digits(r, 4)} {digits(r, 2)}",
        lambda r: f"{digits(r, 4)} {digits(r, 4)} {digits(r, 4)} {digits(r, 4)}",
        lambda r: f"978-3-{digits(r, 2)}-{digits(r, 6)}-{digits(r, 1)}",
        lambda r: f"#{r.randrange(100, 99999)}",
        lambda r: f"order no. {digits(r, 8)}",
        lambda r: f"{r.randrange(1 << 32):08x}-{r.randrange(1 << 16):04x}-4{r.randrange(1 << 12):03x}-{r.randrange(1 << 16):04x}-{r.randrange(1 << 48):012x}",
        lambda r: f"0x{r.randrange(256, 65536):04X}",
    ]),
    "range": ("range", [
        lambda r: f"{r.randrange(2, 9)}-{r.randrange(10, 20)}",
        lambda r: f"{r.randrange(2, 9)}–{r.randrange(10, 20)}",
        lambda r: f"{r.randrange(2, 9)} to {r.randrange(10, 20)}",
        lambda r: f"{r.randrange(1900, 1950)}-{r.randrange(1950, 2030)}",
        lambda r: f"{r.randrange(1900, 1950)} and {r.randrange(1950, 2030)}",
        lambda r: f"{r.randrange(2, 9)}.{digits(r, 1)}–{r.randrange(10, 20)}.{digits(r, 1)}",
        lambda r: f"{r.randrange(100, 200)}..{r.randrange(300, 400)}",
        lambda r: f"{grouped(r, 1000, 2000)}-{grouped(r, 2000, 9000)}",
    ]),
    "ordinal": ("order", [
        lambda r: r.choice(["1st", "2nd", "3rd", "4th", "12th", "21st", "33rd", "50th", "102nd"]),
    ]),
    "fraction": ("part", [
        lambda r: r.choice(["1/2", "3/4", "2/3", "1/10", "7/8"]),
        lambda r: r.choice(["½", "¾", "⅓", "2½", "1¼"]),
        lambda r: f"{r.randrange(1, 9)} {r.choice(['1/2', '3/4', '1/4'])}",
    ]),
    "list": ("list", [
        lambda r: ", ".join(str(r.randrange(2, 60)) for _ in range(4)),
        lambda r: f"{r.randrange(2, 60)}, {r.randrange(2, 60)} and {r.randrange(2, 60)}",
        lambda r: f"{r.randrange(100, 999)}/{r.randrange(100, 999)}",
        lambda r: f"{r.randrange(100, 999)}, {r.randrange(100, 999)}, {r.randrange(100, 999)}, {r.randrange(100, 999)}, {r.randrange(100, 999)} and {r.randrange(100, 999)}",
    ]),
    "score": ("score", [
        lambda r: f"{r.randrange(2, 6)}-{r.randrange(2)}",
        lambda r: f"{r.randrange(2, 6)}:{r.randrange(2)}",
        lambda r: f"{r.randrange(2, 6)} : {r.randrange(2)}",
        lambda r: f"{r.randrange(2, 6)}–{r.randrange(2)}",
    ]),
}


def make(count, seed=3):
    """`count` triples of kind, sentence and number."""
    r = random.Random(seed)
    lines = []
    kinds = list(KINDS)
    for i in range(count):
        kind = kinds[i % len(kinds)]
        family, makers = KINDS[kind]
        number = makers[i // len(kinds) % len(makers)](r)
        sentence = r.choice(SENTENCES[family]).format(number)
        lines.append((kind, sentence[0].upper() + sentence[1:], number))
    return lines
