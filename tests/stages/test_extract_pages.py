# ruff: noqa: E501 - markup is read more easily unbroken
"""Kinds of pages that readers know, written for this test: what is content comes out whole, what is not stays away."""

import re

import pytest

from datacurate.stages._engines import extractor

NAV = """<header class="site-header"><a class="logo" href="/">Riverside</a><nav class="main-nav"><ul>
<li><a href="/">Home</a></li><li><a href="/news">News</a></li><li><a href="/about">About us</a></li></ul></nav></header>"""
FOOT = """<footer class="site-footer"><ul><li><a href="/imprint">Imprint</a></li><li><a href="/privacy">Privacy policy</a>
</li></ul><p>© 2023 Riverside Ltd. All rights reserved.</p></footer>"""
SIDE = """<aside class="sidebar"><h3>Most read</h3><ul><li><a href="/1">Ten bridges you should cross once</a></li>
<li><a href="/2">Why the old mill burned down</a></li></ul></aside>"""
COMMON = ["Home", "About us", "Imprint", "Privacy policy", "All rights reserved"]
RIVER = [
    "The river rises in the hills behind the town and takes three days to reach the sea, if nobody stops it on the way.",
    "Millers built the first weir in 1640, and their grandchildren quarrelled about the water for a hundred years.",
    "Today the weir drives a turbine, which lights the school, the library and, on good days, half of the market square.",
    "When the snow melts in April, the keeper opens the gates at night, and you can hear the stones roll past the bridge.",
]
PROSE = "".join(f"<p>{one}</p>" for one in RIVER)


def page(body: str, language: str = "en", direction: str = "ltr") -> str:
    title = re.sub("<.*?>", "", re.search("<h1.*?>(.*?)</h1>|$", body)[1] or "The river")
    head = f'<head><meta charset="utf-8"><title>{title} | Riverside</title></head>'
    return f'<!DOCTYPE html><html lang="{language}" dir="{direction}">{head}<body>{body}</body></html>'


POSTS = ["Which oil do you use for the chain?", "Thin oil in summer, thick in winter.", "I use none and clean it weekly.",
         "None? It will rust, believe me.", "Mine did rust, after two winters by the sea.", "Thanks, I will try the thin one."]  # fmt: skip


def forum() -> str:
    """A thread of short posts."""
    posts = "".join(
        f"""<article class="message"><div class="message-user"><h4>rider{at}</h4><span>Joined: 2019</span></div>
        <div class="message-content"><div class="bbWrapper">{post}</div></div><footer><a href="#">Reply</a></footer></article>"""
        for at, post in enumerate(POSTS)
    )
    return page(
        f'{NAV}<div class="p-body"><h1 class="p-title">Oil for the chain</h1><div class="block">{posts}</div></div>{FOOT}'
    )


def phpbb() -> str:
    posts = "".join(
        f"""<div id="p{at}" class="post bg2"><div class="inner"><dl class="postprofile"><dt><a href="/u{at}">rider{at}</a></dt>
        <dd>Posts: {at}17</dd></dl><div class="postbody"><h3><a href="#p{at}">Re: Oil for the chain</a></h3>
        <p class="author">by rider{at} » Mon Mar 02, 2020</p><div class="content">{post} And that is all that I know of it,
        after ten years on this bicycle.</div></div></div></div>"""
        for at, post in enumerate(POSTS)
    )
    return page(f'{NAV}<div id="page-body"><h2 class="topic-title">Oil for the chain</h2>{posts}</div>{FOOT}')


def discourse() -> str:
    posts = "".join(
        f"""<div itemscope itemtype="http://schema.org/DiscussionForumPosting" class="topic-body crawler-post">
        <div class="crawler-post-meta"><span class="creator"><a href="/u/r{at}"><span>rider{at}</span></a></span>
        <span class="crawler-post-infos"><time class="post-time">March {at + 1}, 2020</time></span></div>
        <div class="post" itemprop="text"><p>{post}</p><p>{RIVER[at % 4]}</p></div></div>"""
        for at, post in enumerate(POSTS)
    )
    return page(f'{NAV}<div id="main-outlet" class="wrap" role="main"><h1>Oil for the chain</h1>{posts}</div>{FOOT}')


def questions() -> str:
    """A question with answers and code."""
    return page(f"""{NAV}<div id="mainbar" role="main"><div id="question-header"><h1>How do I read a file line by line?</h1></div>
    <div class="question"><div class="votecell">42</div><div class="postcell"><div class="s-prose js-post-body">
    <p>I have a file that is larger than my memory, and reading it whole fails. How can I go through it line by line?</p>
    <pre class="lang-py"><code>data = open(name).read()
for line in data.split():
    print(line)</code></pre></div><div class="post-taglist"><a href="/t/python">python</a></div></div></div>
    <div id="answers"><h2>2 Answers</h2><div class="answer accepted-answer"><div class="votecell">99</div>
    <div class="answercell"><div class="s-prose js-post-body"><p>A file is an iterator over its lines, so that only one of
    them is in memory at a time:</p><pre><code>with open(name) as file:
    for line in file:
        print(line)</code></pre><p>It is closed when the block ends.</p></div></div></div>
    <div class="answer"><div class="answercell"><div class="s-prose js-post-body"><p>If lines are very long, read pieces of
    a fixed size instead and look for the line breaks yourself.</p></div></div></div></div></div>{SIDE}{FOOT}""")


def blog() -> str:
    return page(f"""{NAV}<main><article class="post hentry"><h1 class="entry-title">Three days by the river</h1>
    <p class="entry-meta">Posted on <time>4 May 2021</time> by <a href="/a">Ann</a></p><div class="entry-content">{PROSE}
    <blockquote><p>Whoever drinks of it comes back, the keeper said.</p></blockquote><h2>What to take along</h2>
    <ul><li>Boots</li><li>A map of the hills</li><li>Bread</li></ul></div>
    <div class="sharedaddy"><a href="#">Share on Facebook</a></div></article>
    <div id="comments" class="comments-area"><h2>2 thoughts on “Three days by the river”</h2><ol class="comment-list">
    <li class="comment"><p>I walked there last year and it rained all the time.</p><a class="comment-reply-link">Reply</a></li>
    </ol></div></main>{SIDE}{FOOT}""")


def product() -> str:
    return page(f"""{NAV}<ol class="breadcrumb"><li><a href="/">Shop</a></li><li><a href="/k">Kettles</a></li></ol>
    <div class="product"><h1 class="product-title">Copper kettle, 2 litres</h1><span class="price">€ 89.00</span>
    <button class="add-to-cart">Add to cart</button><div class="product-description"><h2>Description</h2>
    <p>This kettle is made of a single sheet of copper, tinned inside, and boils two litres in six minutes on gas.</p>
    <p>The handle is of beech and stays cool. Copper darkens with time; vinegar and salt make it bright again.</p></div>
    <table class="specs"><tr><th>Weight</th><td>1.2 kg</td></tr><tr><th>Height</th><td>24 cm</td></tr>
    <tr><th>Material</th><td>Copper, beech</td></tr></table></div>
    <div class="related-products"><h3>You may also like</h3><ul><li><a href="/p1">Iron pan</a> € 39.00</li></ul></div>{FOOT}""")


def recipe() -> str:
    return page(f"""{NAV}<article class="recipe"><h1>Bread with walnuts</h1><p>A dark loaf that keeps for a week and takes
    ten minutes of work, if you do not count the waiting, of which there is a lot.</p><h2>Ingredients</h2>
    <ul class="ingredients"><li>500 g flour</li><li>350 ml water</li><li>10 g salt</li><li>100 g walnuts</li></ul>
    <h2>Method</h2><ol class="steps"><li>Mix flour, water and salt and let it stand overnight.</li>
    <li>Fold in the walnuts.</li><li>Bake for forty minutes at 230 degrees, with steam.</li></ol>
    <p>Let it cool before you cut it.</p></article>{SIDE}{FOOT}""")


def live() -> str:
    entries = "".join(
        f"""<div class="live-entry"><time class="live-time">1{at}:0{at}</time><h3>Water at {at}.4 metres</h3><p>{text}</p></div>"""
        for at, text in enumerate(RIVER)
    )
    return page(f"""{NAV}<main><article><h1>Flood on the river: what we know</h1><p class="lead">The water has risen by two
    metres since midnight. The bridge is closed, and the school too.</p><div class="liveblog">{entries}</div></article></main>
    {SIDE}{FOOT}""")


def wiki() -> str:
    return page(f"""<div id="mw-panel"><ul><li><a href="/">Main page</a></li><li><a href="/r">Random article</a></li></ul></div>
    <div id="content" class="mw-body"><h1 id="firstHeading">Weir</h1><div id="siteSub">From the free encyclopedia</div>
    <div id="mw-content-text"><div class="mw-parser-output"><table class="infobox"><tr><th>Built</th><td>1640</td></tr>
    <tr><th>Height</th><td>4 m</td></tr></table><p>A <b>weir</b> is a low dam across a river.<sup class="reference">
    <a href="#cite_note-1">[1]</a></sup> {RIVER[1]}</p><div id="toc" class="toc"><div class="toctitle"><h2>Contents</h2></div>
    <ul><li><a href="#H"><span class="tocnumber">1</span> <span class="toctext">History of it</span></a></li>
    <li><a href="#U"><span class="tocnumber">2</span> <span class="toctext">Uses today</span></a></li>
    <li><a href="#R"><span class="tocnumber">3</span> <span class="toctext">References to it</span></a></li></ul></div>
    <h2><span class="mw-headline" id="H">History</span><span class="mw-editsection">[<a href="/e">edit</a>]</span></h2>
    <p>{RIVER[0]}</p><p>The flow is <span class="mwe-math-element"><span class="mwe-math-mathml-inline" style="display: none;">
    <math><semantics><mi>Q</mi><annotation encoding="application/x-tex">Q=vA</annotation></semantics></math></span>
    <img class="mwe-math-fallback-image-inline" aria-hidden="true" alt="Q=vA"></span> in cubic metres.</p>
    <h2><span class="mw-headline" id="U">Uses</span></h2><p>{RIVER[2]}</p></div></div>
    <div id="catlinks" class="catlinks">Categories: <a href="/c">Dams</a></div></div>
    <div id="footer"><ul><li>This page was last edited on 3 May 2021</li></ul></div>""")


def readme() -> str:
    return page("""<header class="Header"><a href="/">GitHub</a><a href="/features">Features</a><a href="/login">Sign in</a></header>
    <div class="repohead"><a href="/o">owner</a>/<a href="/o/r">sluice</a> <a class="btn">Star 41</a> <a class="btn">Fork 7</a></div>
    <table class="files"><tr><td><a href="/src">src</a></td><td>3 months ago</td></tr><tr><td><a href="/m">Makefile</a></td>
    <td>last year</td></tr></table><div id="readme" class="Box"><article class="markdown-body entry-content">
    <h1>sluice <a class="anchor" href="#sluice"><svg></svg></a></h1><p>A small library that opens and closes gates, by hand, by
    clock or by the level of the water, and writes down when it did so.</p><h2>Installation</h2>
    <div class="highlight highlight-source-shell"><pre>git clone https://example.org/sluice
cd sluice
make install</pre></div><h2>Usage</h2><p>Gates have names. Open one with its name and a height in metres:</p>
    <pre><code class="language-python">gate = Gate("north")
if gate.level &lt; 2:
    gate.open(0.5)
</code></pre><table><thead><tr><th>Option</th><th>Default</th></tr></thead><tbody><tr><td><code>height</code></td><td>1.0</td></tr>
    <tr><td><code>clock</code></td><td>none</td></tr></tbody></table></article></div>
    <footer><a href="/terms">Terms</a> <a href="/security">Security</a></footer>""")


def paper() -> str:
    formula = (
        '<math display="block" alttext="E=mc^{2}"><mi>E</mi></math>',
        '<math><semantics><mi>v</mi><annotation encoding="application/x-tex">v_{0}</annotation></semantics></math>',
    )
    return page(f"""<nav class="ltx_page_navbar"><a href="#S1">1 Introduction</a><a href="#S2">2 Method</a></nav><div class="ltx_page_content">
    <article class="ltx_document"><h1 class="ltx_title">On the speed of stones</h1><div class="ltx_abstract"><h6>Abstract</h6>
    <p>We measure how fast stones of a river move and find that large ones move seldom, but then far.</p></div>
    <section class="ltx_section"><h2>1 Introduction</h2><div class="ltx_para"><p>{RIVER[0]} Its speed is {formula[1]} there.</p></div>
    <div class="ltx_para"><p>{RIVER[3]} The energy is</p><table class="ltx_equation"><tr><td>{formula[0]}</td><td>(1)</td></tr></table>
    </div></section><section class="ltx_section"><h2>2 Method</h2><p>{RIVER[2]}</p></section></article></div>""")


def archive() -> str:
    """A message of a mailing list."""
    return page("""<h1>[sluice] gates stay open</h1><b>Ann Writer</b> <a href="mailto:x">ann at example.org</a><br>
    <i>Mon Mar 2 10:01:02 CET 2020</i><ul><li>Previous message: <a href="1.html">[sluice] release</a></li>
    <li>Next message: <a href="3.html">[sluice] gates stay open</a></li></ul><hr><pre>Hello,

since the last release my gates stay open at night, although
the clock says that they should close at ten:

    clock: 22:00
        gate: north

&gt; Does it happen in summer too?

No, in winter only.
Ann
</pre><hr><a href="info">More information about the sluice mailing list</a>""")


def table() -> str:
    rows = "".join(f"<tr><td>{1900 + at}</td><td>{at * 3 % 17}.5</td><td>Gate {at}</td></tr>" for at in range(60))
    return page(f"""{NAV}<main><h1>Levels of the river by year</h1><p>{RIVER[0]} The table has the highest level of each year.</p>
    <table><thead><tr><th>Year</th><th>Level (m)</th><th>Gate</th></tr></thead><tbody>{rows}</tbody></table></main>{FOOT}""")


def chinese() -> str:
    return page("""<div class="header"><a href="/">首页</a><a href="/n">新闻</a><a href="/s">体育</a></div><div class="article">
    <h1>大桥今日恢复通车</h1><div class="info">2021年5月4日 来源:本报</div><div class="article-content">
    <p>经过三个月的维修,横跨大河的石桥于今日上午恢复通车,数百名居民在桥头等候。</p>
    <p>这座桥建于一六四零年,是当地最古老的建筑之一,每天约有两千人经过。</p><p>市长表示,维修费用由政府和居民共同承担。</p></div>
    <div class="related"><h3>相关阅读</h3><ul><li><a href="/1">古镇迎来旅游旺季</a></li><li><a href="/2">水位连续三天下降</a></li></ul>
    </div></div><div class="footer">版权所有 关于我们 联系方式</div>""", "zh")  # fmt: skip


def arabic() -> str:
    return page("""<nav class="menu"><ul><li><a href="/">الرئيسية</a></li><li><a href="/n">أخبار</a></li></ul></nav><article>
    <h1>افتتاح الجسر القديم بعد ترميمه</h1><p>افتتح صباح اليوم الجسر الحجري القديم بعد ثلاثة أشهر من أعمال الترميم، بحضور مئات
    من سكان المدينة.</p><p>بني الجسر عام 1640، وهو من أقدم المباني في المنطقة، ويعبره نحو ألفي شخص كل يوم.</p>
    <p>وقال رئيس البلدية إن تكاليف الترميم تقاسمتها الحكومة والسكان.</p></article>
    <footer class="footer"><p>جميع الحقوق محفوظة</p></footer>""", "ar", "rtl")  # fmt: skip


def old() -> str:
    """Tables for the layout, as pages of 1998 have them."""
    lines = "<br><br>".join(RIVER)
    return page(f"""<table width="100%" border="0"><tr><td colspan="2"><font size="6">Town of Riverside</font></td></tr><tr>
    <td width="150" valign="top"><font size="2"><a href="index.htm">Start</a><br><a href="map.htm">Map of the town</a><br>
    <a href="guest.htm">Guestbook</a></font></td><td valign="top"><font face="Arial"><b>Our river</b><br><br>{lines}</font></td></tr>
    <tr><td colspan="2"><font size="1">You are visitor 12345. Best viewed at 800x600.</font></td></tr></table>""")


KINDS = {
    forum: (["Oil for the chain", *POSTS], [*COMMON, "Reply"]),
    phpbb: (["Oil for the chain", *POSTS], COMMON),
    discourse: (["Oil for the chain", *POSTS, *RIVER], COMMON),
    questions: (["How do I read a file line by line?", "larger than my memory", "for line in data.split():\n    print(line)",
                 "A file is an iterator", "    for line in file:\n        print(line)", "closed when the block ends",
                 "pieces of a fixed size"], [*COMMON, "Most read", "Ten bridges"]),
    blog: (["Three days by the river", *RIVER, "comes back, the keeper said", "What to take along", "- Boots\n- A map of the hills\n"
            "- Bread"], [*COMMON, "Facebook", "it rained all the time", "Reply", "Most read", "Ten bridges"]),
    product: (["Copper kettle, 2 litres", "single sheet of copper", "vinegar and salt", "Weight\t1.2 kg\nHeight\t24 cm\nMaterial\t"],
              [*COMMON, "Iron pan", "Kettles"]),
    recipe: (["Bread with walnuts", "A dark loaf", "- 500 g flour\n- 350 ml water\n- 10 g salt\n- 100 g walnuts", "1. Mix flour",
              "2. Fold in the walnuts.\n3. Bake for forty", "Let it cool"], [*COMMON, "Most read"]),
    live: (["Flood on the river", "risen by two", "Water at 2.4 metres", *RIVER], [*COMMON, "Most read"]),
    wiki: (["is a low dam", *RIVER[:3], "History", "$Q=vA$ in cubic"], ["Random article", "toctext", "Uses today", "Contents",
                                                                              "Dams", "last edited", "QQ"]),
    readme: (["sluice", "opens and closes gates", "cd sluice\nmake install", "Gates have names",
              "if gate.level < 2:\n    gate.open(0.5)", "Option\tDefault\nheight\t1.0\nclock\tnone"], ["Sign in", "Star 41", "Terms"]),
    paper: (["On the speed of stones", "move seldom, but then far", RIVER[0] + " Its speed is $v_{0}$ there.", RIVER[3],
             "$$E=mc^{2}$$", "2 Method", RIVER[2]], ["2 Method1", "1 Introduction2"]),
    archive: (["gates stay open", "since the last release", "    clock: 22:00\n        gate: north", "> Does it happen",
               "No, in winter only.\nAnn"], ["Next message", "More information about"]),
    table: (["Levels of the river", RIVER[0], "Year\tLevel (m)\tGate\n1900\t0.5\tGate 0\n1901\t3.5\tGate 1", "1959\t7.5\tGate 59"],
            COMMON),
    chinese: (["大桥今日恢复通车", "经过三个月的维修", "每天约有两千人经过", "共同承担"], ["首页", "体育", "旅游旺季", "版权所有"]),
    arabic: (["افتتاح الجسر القديم", "صباح اليوم", "ألفي شخص", "الحكومة والسكان"], ["الرئيسية", "جميع الحقوق"]),
    old: (["Our river", *RIVER], ["Guestbook", "Map of the town", "800x600"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_content_comes_out_whole_and_the_rest_does_not(kind):
    text, _ = extractor(("blocks", "text", False, False, False, False))(kind().encode())
    flat = " ".join(text.split())
    wanted, unwanted = KINDS[kind]
    missing = [one for one in wanted if one not in text and (" ".join(one.split()) not in flat or "\n" in one)]
    assert (missing, [one for one in unwanted if one in flat]) == ([], []), text
