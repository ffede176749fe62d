"""Families of replies made of parts: refusals in many wordings, and sentences with numbers that rate nothing."""

import random
from collections.abc import Iterator

_REFUSALS = [
    (
        "please |pls |could you |will you |I asked you to |kindly |;stop;"
        " texting me| messaging us| sending me these texts| sending surveys| these messages| bothering me with texts;"
        "| now| please| for good|!!| thanks"
    ),
    (
        "|please |pls |I said ;don't|do not|dont|never; text me| message me| contact this number| send me texts| survey me;"
        " again| any more| ever again| in future"
    ),
    (
        "I |we |;don't want|no longer want|do not wish|have no wish; to get| to receive| to be sent;"
        " these texts| any more messages| your surveys| these notifications;| please| from you|!"
    ),
    (
        "|please |can you |kindly ;remove|take|delete|drop; me| my number| this number; from| off;"
        " your list| the mailing list| your texting list| this list;| please| thanks|."
    ),
    "|please |I want to |how do I |let me ;unsubscribe|opt out|unsub;| please| from these| now| of all texts|!",
    "|please |do ;keep; your| these| all your; surveys| messages| texts; to yourself; from now on| please|!",
    "|麻烦|请|拜托|你们;不要|别|请勿|不用|以后别|别再|不要再;给我|向我|;发|再发|发送|推送;短信|信息|这种短信|问卷|广告|这些;|了|谢谢|，谢谢|！",
    "我|;不想|不愿意|不需要|不希望|不乐意;再|;收到|接收|看到;短信|你们的短信|这类信息|调查短信|任何消息;|了|，谢谢|。",
    "我要|帮我|请|麻烦|立即|怎么|;退订|取消订阅|拒收|停止接收|取消推送;|吧|短信|这些短信|回访短信|了|，谢谢",
    "请把|麻烦把|把|将;我|我的号码|这个号码|我的手机号;从;|你们的|;名单|系统|群发名单|短信名单;|里|中;删除|删掉|移除|去掉|剔除;|吧|，谢谢",
    "|請|麻煩|拜託;不要|別|請勿|不要再|別再;傳|寄|傳送|發送|亂傳;簡訊|訊息|這種簡訊|廣告|問卷;|給我;|了|喔|，謝謝",
    "|唔該|麻煩|請;唔好|咪|唔好再|唔使再|以後唔好;send|發|傳|狂send;短訊|訊息| message|啲咁嘅嘢|問卷;|俾我|畀我|嚟;|啦|呀|，唔該",
    "我|;唔想|唔想再|唔需要|唔要;收|收到|再收到;短訊|你哋嘅短訊|呢啲訊息|任何訊息;|喇|呀|，唔該",
]
_NUMBERS = [
    "he came at {n}|arrived about {n}|it was half {n}|from {n} to {m}|between {n} and {m} on Friday|{n}:{m}0|{n} o'clock",
    "{n} visits and no better|this is the {n}th time|called {n} times|been {n} days|{n} weeks ago|{n} of us are waiting",
    "paid £{n}|{n} quid for nothing|{n}{m}.50 on my bill|{n}% slower|only {n}mb|{n} bars of signal|{n}G is gone",
    "flat {n}|room {n}|floor {n}|at number {n}|{n} Mill Lane|block {n}|order {n}{m}{n}1|my ref is {n}{m}0{n}1|code {n}",
    "channel {n} is missing|channels {n} to {m} are gone|{n} out of {m} sockets work|box {n} won't start|error {n}",
    "call me after {n}|see you at {n}|back in {n} mins|table for {n} at {m}|my son is {n}|kids are {n} and {m}",
    "thanks {f} the help|ok {f} now|wait {f} me|May {n}|{n} May|1 in {n} calls drops|{n}-0 to us|a 1 off",
    "师傅{n}点到的|约的{n}点{m}点才来|等了{n}天|{n}个小时了|第{n}次了|来了{n}趟|打了{n}个电话|催了{n}遍|{n}年老用户",
    "{n}号楼{m}单元|{n}楼没信号|住{n}栋|{n}0{m}室|多收了{n}块钱|扣了{n}元|网速只有{n}兆|{n}G没信号|第{n}台没画面|{n}折",
    "{n}个人在家|{n}台电视|孩子{n}岁|工号{n}{m}|尾号{n}{m}{n}{m}|按{n}没反应|{n}分钟后到|每{n}分钟断一次|{n}月{m}号装的",
    "{n}对{m}|{n}选1|考了{n}分|加{n}分|第{n}，网慢|周{n}来的|二楼|三天没网|两个人来的|第二次了|一号楼|五一前",
    "師傅{n}點到|等咗{n}日|嚟咗{n}次|{n}樓|{n}蚊|{n}個禮拜|打咗{n}次電話|{n}點半|來了{n}趟|約{n}點|{n}巷{m}號|三樓",
]
_DRESS = (str, str.upper, str.title, lambda text: text.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)}))


def refusals(count: int, *, seed: int) -> Iterator[str]:
    """Yield `count` refusals, in any case and width."""
    dice = random.Random(seed)
    families = [[part.split("|") for part in family.split(";")] for family in _REFUSALS]
    for _ in range(count):
        yield dice.choice(_DRESS)("".join(map(dice.choice, dice.choice(families))).strip())


def numbers_that_rate_nothing() -> Iterator[str]:
    """Yield sentences in which a number tells an hour, a price, a place, a count."""
    for family in _NUMBERS:
        for text in family.split("|"):
            for n, m, f in (("2", "5", "4"), ("4", "3", "2"), ("3", "1", "4")):
                yield text.replace("{n}", n).replace("{m}", m).replace("{f}", f)
                if "{" not in text:
                    break
