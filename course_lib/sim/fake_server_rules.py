"""fakeredis's rules of who may do what, which nearly no run touches, and so nearly none need be asked."""

from __future__ import annotations

from typing import Any

from fakeredis.model import AccessControlList, ClientInfo


class Rules(AccessControlList):
    """Who may do what: everybody everything, until somebody asks for a user's rules, through which they are changed."""

    asked = False

    def get_user_acl(self, username: bytes) -> Any:
        self.asked = True
        return super().get_user_acl(username)

    def del_user(self, username: bytes) -> None:
        self.asked = True
        super().del_user(username)

    def validate_command(self, username: bytes, client_info: ClientInfo, fields: list[bytes]) -> None:
        if self.asked:
            super().validate_command(username, client_info, fields)
