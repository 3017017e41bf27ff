"""What the demo is made of. Texts never change; dates are days from the day on which it is put in."""

from dataclasses import dataclass, field
from datetime import timedelta

from eventhub.models.events import Category, EventStatus


@dataclass(frozen=True)
class Person:
    """Somebody with an account. Only those with a password can sign in."""

    username: str
    first_name: str
    last_name: str
    user_type: str = "attendee"
    organization: str = ""
    bio: str = ""
    password: str | None = None


@dataclass(frozen=True)
class Part:
    """A session; `begins` counts from the event's start."""

    title: str
    begins: timedelta
    lasts: timedelta
    speaker: str | None
    room: str
    description: str = ""


@dataclass(frozen=True)
class Opinion:
    """A review, and how many found it helpful or not."""

    author: str
    rating: int
    title: str
    review: str
    helpful: int = 0
    unhelpful: int = 0


@dataclass(frozen=True)
class Happening:
    """An event, with the people who come. `day` and `hour` (UTC) are its start, counted from today.

    Bookings are "name" or "name:tickets"; they are paid for and confirmed, but for those in `unpaid`. Who is in
    `cancelled` does so after that. Who is in `waiting` joins the line in this order; who is in `absent` booked and
    did not come.
    """

    title: str
    category: Category
    organizer: str
    status: EventStatus
    day: int
    hour: int
    lasts: timedelta
    seats: int
    description: str
    tags: str
    location: str = ""
    online_url: str = ""
    price: str = "0.00"
    closes_days_before: int = 0
    bookings: str = ""
    unpaid: str = ""
    cancelled: str = ""
    waiting: str = ""
    absent: str = ""
    needs: dict[str, str] = field(default_factory=dict)
    sessions: tuple[Part, ...] = ()
    reviews: tuple[Opinion, ...] = ()


def _minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


def _hours(number: float) -> timedelta:
    return timedelta(hours=number)


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

EVENTS = (
    Happening(
        "Deep Dive into Distributed Systems",
        Category.CONFERENCE,
        "marcus",
        EventStatus.COMPLETED,
        day=-62,
        hour=9,
        lasts=_hours(32),
        seats=120,
        price="180.00",
        closes_days_before=3,
        location="Old Customs House, Rotterdam",
        description="Two days on what happens between machines: clocks, queues, leases, and the failures between them.",
        tags="distributed systems, databases, operations",
        bookings="olivia admin arthur:2 daniel sofia greta ravi:3 jonas tomas petra",
        absent="tomas",
        sessions=(
            Part("What a lease can promise", _hours(1), _minutes(50), "daniel", "Main hall"),
            Part("Queues that survive their broker", _hours(3), _minutes(50), "greta", "Main hall"),
            Part("Failure injection, hands on", _hours(25), _hours(3), "daniel", "Room 2"),
        ),
        reviews=(
            Opinion(
                "arthur", 5, "Worth the journey", "The session on leases changed how I write workers.", 6
            ),
            Opinion(
                "greta",
                4,
                "Good talks, long days",
                "Excellent speakers; the second day could start later.",
                3,
                1,
            ),
            Opinion("jonas", 3, "Too much for beginners", "I would have liked an introduction first.", 2, 2),
        ),
    ),
    Happening(
        "Charts That Tell the Truth",
        Category.WEBINAR,
        "hana",
        EventStatus.COMPLETED,
        day=-30,
        hour=16,
        lasts=_minutes(90),
        seats=200,
        price="15.00",
        online_url="https://meet.example.com/charts",
        description="How scales, colours and baselines mislead, and how to draw what the numbers say.",
        tags="data, visualization, statistics",
        bookings="arthur ines mei elif clara samuel liam",
        sessions=(Part("Axes, areas and other traps", _minutes(5), _minutes(60), "ines", "Stream"),),
        reviews=(
            Opinion("mei", 5, "Clear and practical", "I redrew two dashboards the same evening.", 4),
            Opinion("liam", 2, "Sound kept dropping", "The content was fine, what I heard of it.", 1, 1),
        ),
    ),
    Happening(
        "Writing for Developers",
        Category.WORKSHOP,
        "olivia",
        EventStatus.COMPLETED,
        day=-14,
        hour=13,
        lasts=_hours(3),
        seats=16,
        location="Northside Library, Room 3, Leeds",
        description="Short sentences, honest examples and documents that are still right next year.",
        tags="writing, documentation, communication",
        bookings="admin arthur noor petra yusuf clara:2 samuel",
        absent="yusuf",
        sessions=(
            Part("Cutting a page in half", _minutes(10), _minutes(70), "olivia", "Room 3"),
            Part("Examples that run", _minutes(95), _minutes(70), "sofia", "Room 3"),
        ),
        reviews=(
            Opinion("admin", 5, "Short and useful", "Our release notes are better for it.", 2),
            Opinion("arthur", 5, "Excellent workshop!", "Very informative and well organized.", 5),
            Opinion("noor", 4, "Good exercises", "More time for the second half, please.", 1),
            Opinion("elif", 1, "Could not get in", "The building was locked when I came.", 0, 3),
        ),
    ),
    Happening(
        "Incident Response Training",
        Category.TRAINING,
        "olivia",
        EventStatus.ONGOING,
        day=-1,
        hour=8,
        lasts=_hours(57),
        seats=20,
        price="89.00",
        location="Tern Systems, Manchester",
        description="Three days of rehearsed outages: who decides, who writes, and how to learn from it afterwards.",
        tags="operations, incident response, on call",
        bookings="daniel ravi:2 jonas samuel tomas",
        sessions=(
            Part("The first ten minutes", _hours(1), _hours(2), "daniel", "Lab 1"),
            Part("Rehearsal: the full disk", _hours(25), _hours(3), "daniel", "Lab 1"),
            Part("Reviews without blame", _hours(50), _hours(2), "olivia", "Lab 1"),
        ),
    ),
    Happening(
        "Accessible Web Design: an Introduction",
        Category.WEBINAR,
        "hana",
        EventStatus.PUBLISHED,
        day=3,
        hour=17,
        lasts=_hours(1),
        seats=500,
        online_url="https://meet.example.com/accessible-web",
        description="Keyboards, contrast and screen readers: what to check first, and with which tools.",
        tags="web, accessibility, design",
        bookings="arthur olivia mei noor elif ines sofia",
        sessions=(Part("Five checks in fifty minutes", _minutes(5), _minutes(50), "amara", "Stream"),),
    ),
    Happening(
        "Python Community Meetup",
        Category.MEETUP,
        "hana",
        EventStatus.PUBLISHED,
        day=6,
        hour=18,
        lasts=_hours(3),
        seats=8,
        location="Harbour Community Centre, Bristol",
        description="Two short talks, then pizza. Newcomers are welcome and will be introduced.",
        tags="python, community, talks",
        bookings="olivia liam:2 clara yusuf ravi petra:2",
        waiting="samuel arthur admin greta",
        needs={"clara": "Need vegetarian meals"},
        sessions=(
            Part("Typing an old code base", _minutes(30), _minutes(30), "liam", "Hall"),
            Part("Asyncio from scratch", _minutes(75), _minutes(30), "petra", "Hall"),
        ),
    ),
    Happening(
        "Photography Walk for Beginners",
        Category.MEETUP,
        "hana",
        EventStatus.PUBLISHED,
        day=9,
        hour=10,
        lasts=_hours(4),
        seats=25,
        location="Harbour gate, Bristol",
        description="A slow walk along the docks with whatever camera you own. It takes place in the rain, too.",
        tags="photography, outdoors, community",
        bookings="mei:2 clara elif",
    ),
    Happening(
        "Advanced Python Workshop",
        Category.WORKSHOP,
        "olivia",
        EventStatus.PUBLISHED,
        day=12,
        hour=14,
        lasts=_hours(3),
        seats=30,
        price="29.99",
        closes_days_before=1,
        location="Virtual",
        online_url="https://meet.example.com/advanced-python",
        description="Learn advanced Python concepts: descriptors, generators, and the event loop from the inside.",
        tags="python, programming, advanced",
        bookings="noor samuel:2 tomas jonas yusuf",
        unpaid="arthur",
        sessions=(
            Part("Descriptors", _minutes(10), _minutes(50), "olivia", "Stream"),
            Part("The event loop", _minutes(75), _minutes(80), "sofia", "Stream"),
        ),
    ),
    Happening(
        "PostgreSQL Performance Masterclass",
        Category.MASTERCLASS,
        "olivia",
        EventStatus.PUBLISHED,
        day=20,
        hour=8,
        lasts=_hours(8),
        seats=12,
        price="149.00",
        closes_days_before=5,
        location="Atlas Data, Lisbon",
        description="Read a plan, find the missing index, and know when the planner is right. Bring a laptop.",
        tags="postgresql, databases, performance",
        bookings="greta:2 daniel:3 ines sofia:2 ravi tomas:2",
        cancelled="arthur",
        needs={"greta": "Step-free access"},
        sessions=(
            Part("Reading plans", _hours(0.5), _hours(2), "daniel", "Room A"),
            Part("Indexes, honestly", _hours(3), _hours(2), "daniel", "Room A"),
            Part("Bring your slowest query", _hours(6), _hours(2), "greta", "Room A"),
        ),
    ),
    Happening(
        "Container Security Training",
        Category.TRAINING,
        "marcus",
        EventStatus.CANCELLED,
        day=25,
        hour=9,
        lasts=_hours(7),
        seats=2,
        location="Utrecht",
        description="Images, capabilities and secrets. Cancelled because the trainer is ill; a new date will follow.",
        tags="security, containers, operations",
        bookings="arthur jonas",
        waiting="elif",
    ),
    Happening(
        "Test Workshop",
        Category.WORKSHOP,
        "admin",
        EventStatus.PUBLISHED,
        day=32,
        hour=12,
        lasts=_hours(2),
        seats=50,
        closes_days_before=2,
        location="Test Location",
        description="A test workshop",
        tags="",
    ),
    Happening(
        "Open Source Conference",
        Category.CONFERENCE,
        "marcus",
        EventStatus.PUBLISHED,
        day=45,
        hour=8,
        lasts=_hours(33),
        seats=300,
        price="199.00",
        closes_days_before=7,
        location="Trade Fair Hall 4, Leipzig",
        description="Maintainers, users and those who pay them: two days, three tracks and an evening on the river.",
        tags="open source, community, licensing",
        bookings="olivia:2 admin arthur ines mei:4 amara petra liam sofia clara:2 noor",
        needs={"mei": "Invoice to Lantern Studio, please"},
        sessions=(
            Part("Evening on the river", _hours(-14), _hours(3), None, "Pier 2", "The evening before."),
            Part("Opening Keynote", _hours(1), _hours(1), "amara", "Main Hall"),
            Part("Funding a library", _hours(3), _minutes(45), "sofia", "Track 1"),
            Part("Licences in an hour", _hours(3), _minutes(60), "ines", "Track 2"),
            Part("Saying no kindly", _hours(26), _minutes(45), "petra", "Main Hall"),
        ),
    ),
    Happening(
        "Rust for Python Programmers",
        Category.WORKSHOP,
        "olivia",
        EventStatus.DRAFT,
        day=60,
        hour=13,
        lasts=_hours(4),
        seats=24,
        price="35.00",
        online_url="https://meet.example.com/rust",
        description="Ownership for people who never freed anything. The exercises are still being written.",
        tags="rust, python, programming",
        sessions=(Part("Borrowing", _hours(1), _hours(1), "olivia", "Stream"),),
    ),
    Happening(
        "Leading a Small Team",
        Category.MASTERCLASS,
        "hana",
        EventStatus.DRAFT,
        day=75,
        hour=9,
        lasts=_hours(6),
        seats=15,
        price="120.00",
        location="To be announced",
        description="Feedback, delegation, and the first year after no longer writing all of the code yourself.",
        tags="leadership, teams",
    ),
)
