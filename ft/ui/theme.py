"""How the page looks: colours, type and sizes as Gradio's variables. What they cannot say is in the style sheets."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

from gradio.themes import Base, Color, Font, sizes

STYLES = tuple(Path(__file__).with_name(name) for name in ("style.css", "work.css"))
_FONTS = Path(__file__).with_name("fonts")
# The characters in these files, as IBM splits its fonts ("Latin1"): others come from the machine's own fonts.
_LATIN = (
    "U+0020-007E, U+00A0-00FF, U+0131, U+0152-0153, U+02C6, U+02DA, U+02DC, U+2013-2014, U+2018-201A, U+201C-201E, "
    "U+2020-2022, U+2026, U+2030, U+2039-203A, U+2044, U+20AC, U+2122, U+2212, U+FB01-FB02"
)

PETROL = Color(
    name="petrol",
    c50="#eef7f6",
    c100="#d6ebe9",
    c200="#aed7d4",
    c300="#7dbcb8",
    c400="#4a9b98",
    c500="#237d7b",
    c600="#176565",
    c700="#155253",
    c800="#144244",
    c900="#133739",
    c950="#071f21",
)
INK = Color(
    name="ink",
    c50="#f8f8f6",
    c100="#f0f0ed",
    c200="#e0e1dd",
    c300="#c7c9c5",
    c400="#969a98",
    c500="#666c6b",
    c600="#4b5151",
    c700="#363b3c",
    c800="#23282a",
    c900="#191d1f",
    c950="#121517",
)


class BundledFont(Font):
    """A font whose files lie in ft/ui/fonts. They travel inside theme.css, so they need no address of their own.

    `files` maps a weight (400, 600) to a file's name.
    """

    def __init__(self, name: str, files: dict[int, str]) -> None:
        super().__init__(name)
        self.files = files

    def stylesheet(self) -> dict[str, str | None]:
        """The @font-face rules, as Gradio's theme asks for them."""
        return {"url": None, "css": "\n".join(self._face(weight, file) for weight, file in self.files.items())}

    def _face(self, weight: int, file: str) -> str:
        data = b64encode((_FONTS / file).read_bytes()).decode("ascii")
        return (
            f"@font-face {{ font-family: '{self.name}'; font-weight: {weight}; font-display: swap; "
            f"src: url(data:font/woff2;base64,{data}) format('woff2'); unicode-range: {_LATIN}; }}"
        )


SANS = BundledFont("IBM Plex Sans", {400: "IBMPlexSans-Regular-Latin1.woff2", 600: "IBMPlexSans-SemiBold-Latin1.woff2"})
MONO = BundledFont("IBM Plex Mono", {400: "IBMPlexMono-Regular-Latin1.woff2"})


def theme() -> Base:
    """The page's theme, light and dark."""
    look = Base(
        primary_hue=PETROL,
        secondary_hue=PETROL,
        neutral_hue=INK,
        text_size=sizes.text_md,
        spacing_size=sizes.spacing_md,
        radius_size=sizes.radius_md,
        font=[SANS, "system-ui", "sans-serif"],
        font_mono=[MONO, "ui-monospace", "monospace"],
    )
    return look.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_800",
        body_text_color_dark="*neutral_100",
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        background_fill_primary="white",
        background_fill_primary_dark="*neutral_900",
        background_fill_secondary="*neutral_100",
        background_fill_secondary_dark="*neutral_800",
        border_color_primary="*neutral_200",
        border_color_primary_dark="*neutral_700",
        border_color_accent="*primary_300",
        border_color_accent_dark="*primary_700",
        color_accent_soft="*primary_50",
        color_accent_soft_dark="#172c2e",
        link_text_color="*primary_600",
        link_text_color_dark="*primary_300",
        link_text_color_hover="*primary_700",
        link_text_color_hover_dark="*primary_200",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_width="1px",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_border_width="0px",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_300",
        block_label_text_size="*text_sm",
        block_title_text_color="*neutral_800",
        block_title_text_color_dark="*neutral_100",
        block_title_text_weight="600",
        block_title_text_size="*text_md",
        block_info_text_color="*neutral_500",
        block_info_text_color_dark="*neutral_400",
        block_info_text_size="*text_sm",
        block_shadow="none",
        block_shadow_dark="none",
        input_background_fill="white",
        input_background_fill_dark="*neutral_950",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_600",
        input_border_color_focus="*primary_500",
        input_border_color_focus_dark="*primary_400",
        input_border_width="1px",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_dark="*primary_500",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
        button_secondary_background_fill="white",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_background_fill_hover="*neutral_100",
        button_secondary_background_fill_hover_dark="*neutral_700",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_600",
        button_secondary_text_color="*neutral_800",
        button_secondary_text_color_dark="*neutral_100",
        button_border_width="1px",
        button_large_text_weight="600",
        button_large_text_size="*text_md",
        button_large_padding="*spacing_md calc(2 * *spacing_md)",
        button_small_text_weight="400",
        button_cancel_background_fill="white",
        button_cancel_background_fill_dark="*neutral_800",
        button_cancel_border_color="#c9a39a",
        button_cancel_border_color_dark="#7c4d42",
        button_cancel_text_color="#8f2f1c",
        button_cancel_text_color_dark="#f0a797",
        slider_color="*primary_600",
        slider_color_dark="*primary_400",
        checkbox_border_color="*neutral_400",
        checkbox_border_color_dark="*neutral_500",
        checkbox_background_color_selected="*primary_600",
        checkbox_background_color_selected_dark="*primary_500",
        checkbox_label_background_fill_selected="*primary_50",
        checkbox_label_background_fill_selected_dark="#172c2e",
        error_background_fill="#fdf3f0",
        error_background_fill_dark="#2b1a16",
        error_border_color="#dcaea3",
        error_border_color_dark="#7c4d42",
        error_text_color="#7a2616",
        error_text_color_dark="#f5c1b5",
        table_radius="*radius_md",
        table_even_background_fill="white",
        table_even_background_fill_dark="*neutral_900",
        table_odd_background_fill="white",
        table_odd_background_fill_dark="*neutral_900",
    )
