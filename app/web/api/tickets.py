"""Tickets over the API."""

from quart import Blueprint, Response

from app.actions.tickets import TICKET_SECONDS, create_ticket
from app.errors import Unauthenticated
from app.web.api import schemas as shapes
from app.web.http.context import services
from app.web.http.describe import Answer, Operation, describe
from app.web.http.identity import caller
from app.web.http.replies import json_answer

blueprint = Blueprint("tidewire_api_tickets", __name__, url_prefix="/api/v1/tickets")


@blueprint.post("")
@describe(
    Operation(
        name="create_ticket",
        tag="Access",
        summary="Get a one-use ticket for a stream or a websocket",
        text="For a browser, which can't send a header with those: pass it as `?ticket=`.",
        answers={201: Answer("The ticket, valid once, within 60 seconds.", shapes.Ticket)},
        refusals=(Unauthenticated,),
    )
)
async def post_ticket() -> Response:
    ticket = await create_ticket(services().db, await caller())
    answer = json_answer({"ticket": ticket, "expires_in": TICKET_SECONDS}, 201)
    answer.headers["Cache-Control"] = "no-store"
    return answer
