"""Words that say what a part of a page is for: in names of classes and in short texts, found in one pass.

Each group of words has one bit. All words of a table are one automaton (Aho and Corasick 1975) over 28 symbols: letters
a to z in any case, everything else up to 0x7F (`_`, which also stands at both ends, and before a capital that follows a
small letter), and any byte beyond.
"""

from __future__ import annotations

import numpy as np

OTHER, BEYOND = 26, 27
"""Symbols for bytes that are no ASCII letter, and for bytes of other letters."""
SYMBOLS = 28

CLASS_WORDS: tuple[tuple[str, str], ...] = (
    ("article", "article artikel articulo articolo story hentry newsbody newsitem"),
    ("content", "content contenu inhalt contenido contenuto conteudo"),
    ("body", "_body_ bodytext body_text _text articlebody article_body post_body story_body richtext rich_text _prose"),
    ("post", "post entry blog single_"),
    ("main", "_main primary _center page_content"),
    ("title", "title headline heading titel titre titulo"),
    ("meta", "byline author autor _date date_ meta publish timestamp posted _time_ datum dateline"),
    ("comment", "comment kommentar disqus respond reply replies discussion _forum"),
    ("share", "share sharing social addthis twitter facebook follow whatsapp"),
    (
        "related",
        "related relate_ recommend teaser similar _more_ more_ _also promo popular trending latest recent outbrain "
        "taboola readmore suggest mostread most_read top_stor weiter",
    ),
    ("nav", "nav menu breadcrumb crumb pagination pager paging _toc_ tabs _skip sitemap"),
    ("footer", "foot bottom copyright legal colophon impressum"),
    ("header", "header masthead banner _top_ topbar logo"),
    (
        "side",
        "sidebar side_ aside _side widget rail_ _rail _right_ _left_ secondary complementary rightcol leftcol marginal",
    ),
    ("ad", "_ad_ _ads_ advert sponsor anzeige publicid werbung _dfp google adsense affiliate"),
    ("sign", "subscri newsletter signup sign_up login log_in register paywall _abo_ donate premium"),
    ("popup", "cookie consent gdpr popup modal overlay dialog privacy notice alert"),
    ("tag", "_tag_ _tags tagged categor topic keyword label taxonom"),
    ("media", "caption image photo galler video media figure slideshow bild player audio picture"),
    ("list", "list item grid card tile archive thumb carousel slider block_"),
    ("hidden", "hidden hide_ _hide invisible sr_only visually screen_reader noprint no_print print_ editsection"),
    ("tool", "search tool button btn _print_ language dropdown select_ rating vote icon"),
    ("lead", "_lead_ intro summary abstract subtitle subhead _dek_ standfirst excerpt deck vorspann chapo teaser_text"),
    ("bio", "bio_ _bio about_author authorbox author_box author_info profile avatar"),
    ("quote", "quote pullquote zitat"),
    ("code", "code highlight syntax source"),
    ("note", "reference footnote bibliogra infobox _edit catlinks navbox references sources"),
    ("schema", "articlebody newsarticle blogposting mainentity mw_parser_output post_content entry_content"),
)
"""Groups of words in class, id, role and itemprop. `_` is anything that is no letter."""

MARK_WORDS: tuple[tuple[str, str], ...] = (
    ("cell", "blob_code hljs_ln_code lines_code"),
    ("block", "syntaxhighlighter"),
    ("number", "_ln_ _lnt_ _gl_ _gutter_"),
    ("numbers", "lineno line_num linenum blob_num rouge_gutter lines_num crayon_num hljs_ln_num"),
)
"""Classes that say nothing to a classifier, in the bits behind those: cells with a line of code, code without `pre`,
and line numbers of it, the last anywhere and the ones before in code only. Pygments, Rouge, Chroma, highlight.js,
SyntaxHighlighter, Crayon, GitHub and Gitea use them."""

CHROME_WORDS: tuple[tuple[str, str], ...] = (
    ("asks", "cookie consent gdpr newsletter subscribe subscription signup sign_up"),
    ("menu", "_nav_ _navi_ _navbar_ navigation _menu_ _mainnav_ _topnav_ breadcrumb"),
)
"""Classes of containers that are no part of an article however they look: those that ask for something, and menus.
Other groups than the classifiers', which take in `notice` and `tabs`."""

TEXT_WORDS: tuple[tuple[str, str], ...] = (
    ("comments", "comment,kommentar,comentario,leave a reply,_reply_,antworten,responses,discussion,diskussion"),
    (
        "share",
        "_share,teilen,partager,compartir,condividi,_tweet,facebook,whatsapp,pinterest,linkedin,instagram,reddit,telegram,"
        "_print_,drucken,imprimer,_email_,e-mail_,follow us,twitter,flattr,_rss_",
    ),
    (
        "related",
        "related,read more,read also,more from,more on,most read,most popular,popular,recommend,you may also,"
        "you might,see also,also read,ähnliche,mehr zum,weitere,das könnte,lesen sie,lire aussi,à lire,recent posts,"
        "trending,latest,aktuell,siehe auch,more stor,top stor,leer más,lea también,leggi anche,continue reading,"
        "weiterlesen,mehr lesen,auch interessant,zum thema,editors",
    ),
    (
        "sign",
        "subscri,newsletter,sign up,sign in,log in,login,_register,abonn,anmelden,suscr,_account,registrier,"
        "free trial,donate,spenden,mitglied,member",
    ),
    (
        "legal",
        "copyright,rights reserved,privacy,cookie,_terms,impressum,datenschutz,_agb_,mentions l,nutzungsbedingungen,"
        "powered by,alle rechte,disclaimer,©,creative commons,_gmbh",
    ),
    ("tags", "_tags_,_tag_,categor,kategorie,filed under,posted in,schlagw,_topics_,_themen_,mots-cl,tagged,stichw"),
    (
        "meta",
        "posted,published,updated,_by_,_von_,_par_,author,veröffentlicht,_uhr_,_ago_,min read,january,february,_march,"
        "_april,_june,_july,august,september,october,november,december,januar,februar,märz,_juni_,_juli_,oktober,dezember,"
        "verfasst,geschrieben,written,_autor,reading time,lesezeit",
    ),
    (
        "nav",
        "_home_,_menu,_search,suche,_next_,previous,back to,skip to,_top_,weiter_,zurück,_close_,load more,"
        "contact,about us,kontakt,über uns,startseite,sitemap,suivant,précédent,_older,_newer,_faq_,show more,view all,"
        "nach oben",
    ),
    ("ads", "advertis,anzeige,sponsor,werbung,publicit,affiliate,_deals_,_shop,_buy_,kaufen,_cart_,warenkorb"),
    (
        "photo",
        "_photo,_foto,_image,_bild,getty,reuters,_credit,source_,quelle,_afp_,shutterstock,flickr,screenshot,_video",
    ),
    (
        "script",
        "javascript,browser,_enable,adblock,your email,required field,will not be published,pflichtfeld,captcha,spam",
    ),
)
"""Groups of words in texts, in the languages that have most pages; separated by commas."""


def _symbols(word: str) -> list[int]:
    """The word's symbols."""
    return [symbol_of(byte) for byte in word.lower().encode()]


def symbol_of(byte: int) -> int:
    """The symbol of a byte."""
    small = byte | 0x20
    return small - 97 if 97 <= small <= 122 else BEYOND if byte >= 0x80 else OTHER


def _automaton(groups: tuple[tuple[str, str], ...], separator: str | None) -> tuple[np.ndarray, np.ndarray]:
    """`(next: uint16[state * 28 + symbol], groups: uint32[state])`; state 0 is the start."""
    children: list[dict[int, int]] = [{}]
    found = [0]
    for bit, (_, words) in enumerate(groups):
        for word in words.split(separator):
            state = 0
            for symbol in _symbols(word):
                if symbol not in children[state]:
                    children[state][symbol] = len(children)
                    children.append({})
                    found.append(0)
                state = children[state][symbol]
            found[state] |= 1 << bit
    return _completed(children, found), np.array(found, np.uint32)


def _completed(children: list[dict[int, int]], found: list[int]) -> np.ndarray:
    """The transitions with those of the longest suffix filled in; adds what suffixes find to `found`."""
    table = np.zeros((len(children), SYMBOLS), np.uint16)
    suffix = [0] * len(children)
    waiting = [0]
    for state in waiting:
        for symbol in range(SYMBOLS):
            shorter = int(table[suffix[state], symbol]) if state else 0
            child = children[state].get(symbol)
            table[state, symbol] = shorter if child is None else child
            if child is not None:
                suffix[child] = shorter
                found[child] |= found[shorter]
                waiting.append(child)
    return table.ravel()


CLASS_NEXT, CLASS_FOUND = _automaton((*CLASS_WORDS, *MARK_WORDS), None)
TEXT_NEXT, TEXT_FOUND = _automaton(TEXT_WORDS, ",")
CHROME_NEXT, CHROME_FOUND = _automaton(CHROME_WORDS, None)
SYMBOL = np.array([symbol_of(byte) for byte in range(256)], np.uint8)
CLASS_BIT = {name: 1 << bit for bit, (name, _) in enumerate(CLASS_WORDS)}
MARK_BIT = {name: 1 << bit for bit, (name, _) in enumerate(MARK_WORDS, len(CLASS_WORDS))}
CHROME_BIT = {name: 1 << bit for bit, (name, _) in enumerate(CHROME_WORDS)}
TEXT_BIT = {name: 1 << bit for bit, (name, _) in enumerate(TEXT_WORDS)}
