"""What the C libraries and Windows print in other languages, by what it means."""
# ruff: noqa: RUF001  # letters of other scripts

from collections.abc import Iterable
from typing import Final

import re2

SIGNALS: Final[dict[str, str]] = {
    "Speicherzugriffsfehler": "SIGSEGV",
    "Erreur de segmentation": "SIGSEGV",
    "Violación de segmento": "SIGSEGV",
    "Falha de segmentação": "SIGSEGV",
    "Errore di segmentazione": "SIGSEGV",
    "Ошибка сегментирования": "SIGSEGV",
    "段错误": "SIGSEGV",
    "區段錯誤": "SIGSEGV",
    "세그멘테이션 오류": "SIGSEGV",
    "Abgebrochen": "SIGABRT",
    "Abandon": "SIGABRT",
    "Аварийный останов": "SIGABRT",
    "已放弃": "SIGABRT",
    "已中止": "SIGABRT",
    "中止": "SIGABRT",
    "Getötet": "SIGKILL",
    "Processus arrêté": "SIGKILL",
    "Tué": "SIGKILL",
    "Ucciso": "SIGKILL",
    "Убито": "SIGKILL",
    "已杀死": "SIGKILL",
    "強制終了": "SIGKILL",
    "죽었음": "SIGKILL",
    "已终止": "SIGTERM",
    "总线错误": "SIGBUS",
    "非法指令": "SIGILL",
    "浮点数例外": "SIGFPE",
    "浮点异常": "SIGFPE",
}
"""The words of shells for the end by a signal."""

DUMPED: Final = (
    "(Speicherabzug geschrieben)",
    "(core generado)",
    "(`core' generado)",
    "(core dump creato)",
    "(imagem do núcleo gravada)",
    "(стек памяти сброшен на диск)",
    "(核心已转储)",
    "(核心已傾印)",
    "(コアダンプ)",
    "(코어 덤프됨)",
    "（吐核）",
)
NO_SPACE: Final = (
    "设备上没有空间",
    "kein Speicherplatz mehr verfügbar",
    "Aucun espace disponible sur le périphérique",
    "No queda espacio en el dispositivo",
    "На устройстве не осталось свободного места",
    "デバイスに空き領域がありません",
    "Spazio esaurito sul device",
    "Não há espaço disponível no dispositivo",
)
NO_MEMORY: Final = (
    "无法分配内存",
    "Nicht genügend Hauptspeicher",
    "Impossible d'allouer de la mémoire",
    "No se pudo asignar memoria",
    "Не удалось выделить память",
    "メモリを確保できません",
)
TOO_MANY_FILES: Final = (
    "打开的文件过多",
    "打开的文件太多",
    "Zu viele offene Dateien",
    "Trop de fichiers ouverts",
)
IN_USE: Final = (
    "地址已在使用",
    "Adresse wird bereits verwendet",
    "Adresse déjà utilisée",
    "La dirección ya se está usando",
    "アドレスは既に使用中です",
    # WSAEADDRINUSE
    "Only one usage of each socket address",
    "每个套接字地址",
    "Normalerweise darf jede Socketadresse",
    "Une seule utilisation de chaque adresse de socket",
    "Solo se permite un uso de cada dirección de socket",
    "Normal olarak her yuva adresi",
    "Обычно разрешается только одно использование адреса сокета",
    "通常、各ソケット アドレス",
    "un solo utilizzo di ogni indirizzo di socket",
    "uma utilização de cada endereço de soquete",
    "각 소켓 주소",
)
NO_ADDRESS: Final = (
    "无法指定被请求的地址",
    "Die angeforderte Adresse kann nicht zugewiesen werden",
)
REFUSED: Final = (
    "拒绝连接",
    "连接被拒绝",
    "Verbindungsaufbau abgelehnt",
    "Connexion refusée",
    "Conexión rehusada",
    "В соединении отказано",
    "接続を拒否されました",
    # WSAECONNREFUSED
    "target machine actively refused it",
    "由于目标计算机积极拒绝",
    "da der Zielcomputer die Verbindung verweigerte",
    "car l'ordinateur cible l'a expressément refusée",
    "denegó expresamente dicha conexión",
    "対象のコンピューターによって拒否されたため",
    "отверг запрос на подключение",
)
DENIED: Final = (
    "权限不够",
    "Keine Berechtigung",
    "Permission non accordée",
    "Permiso denegado",
    "Отказано в доступе",
    "許可がありません",
)
NO_FILE: Final = (
    "没有那个文件或目录",
    "Datei oder Verzeichnis nicht gefunden",
    "Aucun fichier ou dossier de ce",
    "No existe el archivo o el directorio",
    "Нет такого файла или каталога",
    "そのようなファイルやディレクトリはありません",
)
NO_MODULE: Final = (
    "The specified module could not be found",
    "The specified module cannot be found",
    "找不到指定的模块",
    "Das angegebene Modul wurde nicht gefunden",
    "Le module spécifié est introuvable",
    "No se puede encontrar el módulo",
    "Не найден указанный модуль",
    "指定されたモジュールが見つかりません",
)
NO_PROCEDURE: Final = (
    "The specified procedure could not be found",
    "The specified procedure cannot be found",
    "找不到指定的程序",
    "Die angegebene Prozedur wurde nicht gefunden",
    "La procédure spécifiée est introuvable",
    "Не найдена указанная процедура",
)
BAD_IMAGE: Final = (
    "%1 is not a valid Win32 application",
    "A dynamic link library (DLL) initialization routine failed",
    "%1 不是有效的",
    "动态链接库(DLL)初始化例程失败",
    "Произошел сбой в программе инициализации библиотеки",
    "The application has failed to start",
)


def one_of(texts: Iterable[str]) -> str:
    """
    Return what matches one of some texts, in RE2 syntax.

    Args:
        texts: The texts, taken literally.
    """
    return "(?:" + "|".join(map(re2.escape, texts)) + ")"
