"""Sentences that WhatsApp writes into a chat by itself, in the languages of most exports."""

from __future__ import annotations

import re

__all__ = [
    "DELETED",
    "EDITED",
    "FILE_ADDED",
    "NOTICES",
    "OMITTED",
]

OMITTED = re.compile(
    r"<(?:media|attachment) omitted>|<medien ausgeschlossen>|<multimedia omitido>"
    r"|<médias omis>|<m[íi]dia oculta>|<media omessi>|<media weggelaten>|<без медиафайлов>"
    r"|<(?:file|archivo|fichero) omitido>|<medya dahil edilmedi>|<省略多媒体文件>"
    r"|<メディアは含まれていません>"
    r"|(?:image|video|audio|sticker|gif|document|contact card|video note|voice message) omitted"
    r"|(?:bild|video|audio|sticker|gif|dokument|kontaktkarte) weggelassen"
    r"|(?:imagen|vídeo|video|audio|sticker|gif|documento|tarjeta de contacto) omitid[oa]"
    r"|(?:image|vidéo|audio|sticker|gif|document) absente?"
    r"|(?:imagem|vídeo|áudio|figurinha|gif|documento) (?:ocultad[oa]|omitid[oa])"
    r"|(?:immagine|video|audio|sticker|gif|documento) omess[oa]"
    r"|(?:afbeelding|video|audio|sticker|gif|document) weggelaten",
    re.IGNORECASE,
)
"""Marks of files that were not exported."""

DELETED = re.compile(
    r"(?:you deleted )?this message(?: was deleted)?\.?(?: by admin.*)?|you deleted this message\.?"
    r"|(?:du hast )?diese nachricht (?:wurde )?gelöscht\.?|se eliminó este mensaje\.?"
    r"|eliminaste este mensaje\.?|ce message a été supprimé\.?|vous avez supprimé ce message\.?"
    r"|(?:esta )?mensagem (?:foi )?apagada\.?|você apagou esta mensagem\.?"
    r"|questo messaggio è stato eliminato\.?|hai eliminato questo messaggio\.?"
    r"|dit bericht (?:is|werd) verwijderd\.?|данное сообщение удалено\.?"
    r"|(?:null|waiting for this message\..*)",
    re.IGNORECASE,
)
"""What stands in the place of a message that was deleted or never came."""

EDITED = re.compile(
    "(?<!\\s)\\s*\u200e?<(?:this message was edited|diese nachricht wurde bearbeitet"
    "|se editó este mensaje"
    "|ce message a été modifié|mensagem editada|questo messaggio è stato modificato"
    "|dit bericht is bewerkt)\\.?>",
    re.IGNORECASE,
)

FILE_ADDED = re.compile(
    r"file attached|datei angehängt|archivo adjunto|fichier joint|arquivo anexado|file allegato"
    r"|bestand bijgevoegd|файл добавлен|dosya ekli|ficheiro anexado|attached file|文件附件",
    re.IGNORECASE,
)
"""The words in brackets after the name of a file, on Android."""

NOTICES = re.compile(
    r"end-to-end|ende-zu-ende|extremo a extremo|bout en bout|ponta a ponta|crittografia"
    r"|сквозн|created (?:this )?group|changed (?:the|this|their|to)|\badded\b|joined using"
    r"|\bleft\b|removed|security code|pinned a message|turned (?:on|off)|is now an admin"
    r"|hat .{1,300}? (?:hinzugefügt|geändert|erstellt|entfernt)|verlassen|cambió|añadi|salió|creó"
    r"|a (?:changé|ajouté|créé|quitté)|mudou|adicionou|criou|saiu|ha (?:cambiato|aggiunto|creato)",
    re.IGNORECASE,
)
"""Words of sentences about the group, which may have a colon in a name that they quote."""
