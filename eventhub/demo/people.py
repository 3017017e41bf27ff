"""The people of the demo."""

from eventhub.demo.shapes import Person

PEOPLE = (
    # The API document's own user, with the password that stands there.
    Person("admin", "Admin", "User", "admin", password="admin123"),  # noqa: S106
    Person(
        "olivia",
        "Olivia",
        "Bergström",
        "organizer",
        "Northside Workshops",
        "Runs small workshops for working programmers.",
        "olivia-organizes",
    ),
    Person(
        "arthur",
        "Arthur",
        "Okafor",
        "attendee",
        "",
        "Backend developer, learning in public.",
        "arthur-attends",
    ),
    Person("marcus", "Marcus", "Feld", "organizer", "Open Systems Society", "Conferences since 2012."),
    Person("hana", "Hana", "Sato", "organizer", "Harbour Community Centre"),
    Person(
        "ines", "Inês", "Carvalho", organization="Atlas Data", bio="Speaks about data and how to draw it."
    ),
    Person(
        "daniel", "Daniel", "Kowalski", organization="Tern Systems", bio="Keeps databases awake at night."
    ),
    Person("amara", "Amara", "Nwosu", organization="Clearway", bio="Accessibility engineer."),
    Person("yusuf", "Yusuf", "Demir"),
    Person("sofia", "Sofía", "Herrera", organization="Puente Labs"),
    Person("liam", "Liam", "Walsh"),
    Person("mei", "Mei", "Zhang", organization="Lantern Studio"),
    Person("noor", "Noor", "Haddad"),
    Person("petra", "Petra", "Novák"),
    Person("samuel", "Samuel", "Adeyemi"),
    Person("greta", "Greta", "Lindqvist", organization="Fjord Analytics"),
    Person("ravi", "Ravi", "Menon"),
    Person("clara", "Clara", "Dubois"),
    Person("tomas", "Tomás", "Ferreira"),
    Person("elif", "Elif", "Kaya"),
    Person("jonas", "Jonas", "Weber"),
)
