"""The language of the window: the system's, where there is a translation for it, and English plurals elsewhere."""

from PySide6.QtCore import QCoreApplication, QLocale, QTranslator

from unet_studio.paths import resources


def install_translation(app: QCoreApplication) -> None:
    """Load resources/translations/LANGUAGE.qm; en.qm holds the plurals of the English texts."""
    folder = str(resources() / "translations")
    for locale in (QLocale(QLocale.Language.English), QLocale.system()):
        translator = QTranslator(app)
        if translator.load(locale, "", "", folder):
            app.installTranslator(translator)
