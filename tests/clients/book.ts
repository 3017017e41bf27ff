// Books a seat with the types that openapi-typescript makes: `node book.js URL` prints what became of it.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };

type Booking = components["schemas"]["Booking"];

const baseUrl = process.argv[2] ?? "";
const anybody = createClient<paths>({ baseUrl });

function told<T>(answer: { data?: T; error?: components["schemas"]["Error"]; response: Response }): T {
  if (answer.data === undefined) throw new Error(`${answer.response.status}: ${answer.error?.detail}`);
  return answer.data;
}

async function signUp(username: string, user_type: "attendee" | "organizer") {
  const password = "a-good-password-1";
  told(
    await anybody.POST("/api/users/", {
      body: { username, email: `${username}@example.com`, password, user_type },
    }),
  );
  const { access } = told(await anybody.POST("/api/auth/token/", { body: { username, password } }));
  return createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${access}` } });
}

const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();

const organizer = await signUp("tess-organizes", "organizer");
const event = told(
  await organizer.POST("/api/events/", {
    body: {
      title: "TypeScript Workshop",
      description: "With types",
      category: "workshop",
      location: "Here",
      start_date: inDays(10),
      end_date: inDays(11),
      max_attendees: 5,
    },
  }),
);
told(await organizer.POST("/api/events/{id}/publish/", { params: { path: { id: event.id } } }));

const attendee = await signUp("tim-attends", "attendee");
// What has a default may be left out.
const made = told(await attendee.POST("/api/bookings/", { body: { event: event.id } }));

async function confirmed(id: number): Promise<Booking> {
  for (let tries = 0; tries < 300; tries++) {
    const booking = told(await attendee.GET("/api/bookings/{id}/", { params: { path: { id } } }));
    if (booking.status !== "pending") return booking;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("the booking stays pending");
}

const booking = await confirmed(made.id);
const listed = told(await attendee.GET("/api/bookings/", { params: { query: { event: event.id } } }));
const { error: refused } = await attendee.POST("/api/bookings/", { body: { event: event.id, number_of_tickets: 0 } });
console.log(
  JSON.stringify({
    status: booking.status,
    tickets: booking.number_of_tickets,
    price: booking.total_price,
    listed: listed.length,
    refused: refused?.errors?.["number_of_tickets"],
  }),
);
