"""The words on the pages of problems: title, what it is, what to do, repeat or not."""

from typing import NamedTuple


class Words(NamedTuple):
    """Of one kind of problem, which is told apart by its code."""

    title: str
    meaning: str
    advice: str
    helps_to_repeat: bool = False


_REQUESTS: dict[str, Words] = {
    "error": Words(
        "The request was refused",
        "None of the other kinds describes it.",
        "Read the problem's detail.",
    ),
    "invalid": Words(
        "Some values are not accepted",
        "A field of the body, or a parameter of the address, is missing, unknown or "
        "has a value that makes no sense. `errors` names each, with the reason.",
        "Correct what `errors` names, and send the request anew.",
    ),
    "parse_error": Words(
        "The body cannot be read",
        "The body is not what its Content-Type says, broke off, or is no JSON object.",
        "Send a JSON object, or the form or image that the address asks for.",
    ),
    "bad_request": Words(
        "The request cannot be understood",
        "Its head or its address is not as HTTP asks.",
        "Check the address, the host name and the headers.",
    ),
    "bad_cursor": Words(
        "This cursor is not one of this list",
        "A cursor belongs to one list in one order, and cannot be made or changed.",
        "Ask for the list without `cursor`, and follow `next` as it is.",
    ),
    "not_found": Words(
        "There is nothing here for you",
        "The address is wrong, or it belongs to a laboratory that the token's owner "
        "is no member of: the two are not told apart.",
        "Check the address and the id, and whose token it is.",
    ),
    "method_not_allowed": Words(
        "This address does not do that",
        "The address is there, but not for this method. `Allow` lists those it has.",
        "Use one of the methods in `Allow`.",
    ),
    "unsupported_media_type": Words(
        "This kind of body is not accepted",
        "The Content-Type is not one of the address', or the body is compressed.",
        "Send JSON, or at an upload a form or a PNG, JPEG or TIFF; without "
        "Content-Encoding.",
    ),
    "length_required": Words(
        "The length of the body is not stated",
        "The body is judged by its length before it is read.",
        "Send Content-Length, and no Transfer-Encoding.",
    ),
    "body_too_large": Words(
        "The body is too long",
        "No request to this address needs so long a body.",
        "Send less, or in several requests.",
    ),
    "idempotency_key_unusable": Words(
        "The Idempotency-Key is not usable",
        "A key is 1 to 128 printable ASCII characters.",
        "Send a random UUID, a new one with each new request.",
    ),
    "idempotency_key_reused": Words(
        "This key belongs to another request",
        "The Idempotency-Key was sent in the last seven days with another address or "
        "body. Nothing was done.",
        "Send a new key with each new request, and the old one only to repeat.",
    ),
}

_PEOPLE: dict[str, Words] = {
    "not_authenticated": Words(
        "A token is needed",
        "The request has no `Authorization: Bearer <token>`.",
        "Make a token in the portal or with `manage.py issue_token`, and send it.",
    ),
    "authentication_failed": Words(
        "This token is not valid",
        "It is unknown, expired or revoked, or its owner's account was disabled.",
        "Make a new token.",
    ),
    "permission_denied": Words(
        "You may not do this",
        "The token's owner has no role that allows it.",
        "Ask an administrator of the laboratory.",
    ),
    "not_allowed": Words(
        "You may not do this",
        "The token's owner has not the role in this laboratory that it takes.",
        "The problem's detail names who may: ask one of them.",
    ),
    "scope_missing": Words(
        "The token was not made for this",
        "Its owner may do it, but the token lacks the scope that the detail names.",
        "Make a token with that scope.",
    ),
    "too_many": Words(
        "Too often",
        "More requests were sent in this minute than one person's programs, or one "
        "address without a token, may send.",
        "Wait for as many seconds as Retry-After says; then send the same again.",
        helps_to_repeat=True,
    ),
}

_SERVER: dict[str, Words] = {
    "forbidden": Words(
        "You may not do this",
        "The request was refused before it reached the API.",
        "Check the address and the headers.",
    ),
    "server_error": Words(
        "Something went wrong on our side",
        "It is written in the server's log under the number in `instance`. Nothing "
        "that was accepted is lost.",
        "Send the same again, with the same Idempotency-Key. If it stays so, tell "
        "your administrator the number.",
        helps_to_repeat=True,
    ),
    "unavailable": Words(
        "The records cannot be reached just now",
        "The database is away or restarts. Nothing that was accepted is lost.",
        "Wait for as many seconds as Retry-After says; then send the same again, with "
        "the same Idempotency-Key.",
        helps_to_repeat=True,
    ),
    "store_full": Words(
        "The disk is full",
        "There is no room for more images. Nothing was stored.",
        "Tell your administrator; then send the same again.",
        helps_to_repeat=True,
    ),
    "quota_used_up": Words(
        "The laboratory's quota is used up",
        "The laboratory has stored as much as it may. Nothing was stored.",
        "Ask an administrator for more; then send the same again.",
        helps_to_repeat=True,
    ),
    "decoder_unavailable": Words(
        "Images cannot be read at the moment",
        "The program that reads images could not be started. Nothing was stored.",
        "Send the same again in a minute.",
        helps_to_repeat=True,
    ),
    "decoder_crashed": Words(
        "This image stopped the program that reads images",
        "The reader died over the file. Nothing was stored.",
        "Send the same again once; if it stays so, export the image anew.",
        helps_to_repeat=True,
    ),
    "stored_file_missing": Words(
        "The stored file is missing",
        "The record names a file that is not on the disk.",
        "Tell your administrator: `manage.py check_integrity` lists such files.",
    ),
}

_RECORD: dict[str, Words] = {
    "conflict": Words(
        "This is so already",
        "Somebody, or something, was there first.",
        "Look at it again before you decide.",
    ),
    "duplicate_case": Words(
        "There is a case with this accession number",
        "Accession numbers are unique in a laboratory. `case` is the id of the one "
        "that has it.",
        "Use that case, or correct the number.",
    ),
    "duplicate_image": Words(
        "The case has this image",
        "The very same bytes are in the case already. `image` is their id.",
        "Use that image.",
    ),
    "analysis_unfinished": Words(
        "The image is being analysed",
        "One model answers about one image once at a time. `analysis` is the id of "
        "the one under way.",
        "Wait for that answer, or cancel it; then ask again.",
        helps_to_repeat=True,
    ),
    "spacing_changed": Words(
        "Somebody stated another spacing meanwhile",
        "The spacing is not the one that was seen.",
        "Read the image again, and state it if it is still wrong.",
    ),
}

_UPLOADS: dict[str, Words] = {
    "no_file": Words(
        "No file was sent",
        "The form has no file in its field `file`.",
        "Send at least one file in the field `file`.",
    ),
    "too_large": Words(
        "The file is too large",
        "It is larger than 100 MB, or the whole form is larger than fifty such files.",
        "Cut out a smaller field of the slide.",
    ),
    "broken_off": Words(
        "The upload broke off",
        "The body ended before its end. Nothing was stored.",
        "Send the same again, with the same Idempotency-Key.",
        helps_to_repeat=True,
    ),
    "upload_too_slow": Words(
        "The upload was too slow",
        "The body came more slowly than any working line. Nothing was stored.",
        "Check the connection; then send the same again.",
        helps_to_repeat=True,
    ),
    "digest_mismatch": Words(
        "What arrived is not what was sent",
        "The body's SHA-256 is not the one in Content-Digest. Nothing was stored.",
        "Send the same again. If it stays so, the digest is of something else: it is "
        "of the body as it is sent.",
        helps_to_repeat=True,
    ),
    "spacing_out_of_range": Words(
        "This spacing is no microscope's",
        "The µm per pixel that were stated are out of every microscope's range.",
        "State the spacing that the microscope or the scanner gives.",
    ),
}

WORDS: dict[str, Words] = {
    **_REQUESTS,
    **_PEOPLE,
    **_SERVER,
    **_RECORD,
    **_UPLOADS,
}
