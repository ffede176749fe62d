"""Ordinary messages with the words of refusals in them: what is stopped, cancelled and returned is none of our texts."""

import random
from collections.abc import Iterator

_PARTS = {
    "thing": "appointment|booking|order|order 4471|dinner|meeting|5pm meeting|flight|hotel|taxi|parcel|gym class|delivery|"
    "trip|party|game|lesson|reservation|haircut|visit|netflix trial|direct debit for the gym|milk order|train tickets",
    "doing": "worrying|crying|laughing|at the shop|by the bakery|at the lights|eating sweets|working so late|raining|"
    "the car|the bleeding|playing games|smoking|at mine first|being silly|overthinking it|the washing machine",
    "who": "Tom|mum|the kids|your brother|Aunt May|the plumber|the neighbours|my boss|the dog|Lily",
    "day": "tomorrow|tonight|on Friday|this weekend|next week|at 4|before 6|today|after work|on the 5th",
    "tail": "|!| please| ok?| thanks| lol| x|...| :)| tho|, ok",
    "物": "订单|外卖|机票|酒店|课|鞋子|这件衣服|快递|预约|会议|晚饭|聚餐|团购|电影票|健身卡|押金|门票|体检|高铁票|房间",
    "事": "雨|车|电|水|工|课|火|会|药|电梯|供暖|空调|比赛|施工|热水",
    "人": "小王|妈妈|老张|孩子|阿姨|老师|邻居|领导|二舅|司机|阿May",
    "日": "明天|今晚|周五|下周|后天|3点前|下午|5号|月底|中午",
    "尾": "|吧|了|啊|哈|，谢谢|！|呢|，好吗|。|哦",
}
TEMPLATES = [
    "stop {doing}{tail}",
    "can we stop {doing}{tail}",
    "please stop {doing}{tail}",
    "tell {who} to stop {doing}{tail}",
    "cancel the {thing}{tail}",
    "can you cancel the {thing} {day}{tail}",
    "I cancelled my {thing}{tail}",
    "please cancel my {thing} {day}",
    "{who} cancelled the {thing}{tail}",
    "they ended the {thing} early{tail}",
    "I quit my job {day}{tail}",
    "{who} quit the choir{tail}",
    "stop by {day}{tail}",
    "bus stop near {who}'s{tail}",
    "next stop is ours{tail}",
    "don't stop now{tail}",
    "nonstop {doing} {day}{tail}",
    "remove {who} from the table plan{tail}",
    "take {who} off the bus {day}{tail}",
    "end of the road{tail}",
    "weekend with {who}{tail}",
    "don't text {who} {day}{tail}",
    "don't call {who} yet{tail}",
    "did {who} text you {day}?",
    "no more cake for {who}{tail}",
    "don't send {who} the {thing}{tail}",
    "I don't want the {thing}{tail}",
    "I don't want to see {who} {day}{tail}",
    "leave {who} alone with the {thing}{tail}",
    "leave the {thing} at reception{tail}",
    "unsubscribed {who} from the gym{tail}",
    "stop {who} from {doing}{tail}",
    "enough {doing} for {day}{tail}",
    "quit {doing}{tail}",
    "never mind the {thing}{tail}",
    "帮我退{物}{尾}",
    "{物}退了{尾}",
    "{物}可以退吗{尾}",
    "我要退{物}{尾}",
    "{日}把{物}退掉{尾}",
    "取消{物}{尾}",
    "{日}的{物}取消{尾}",
    "{人}把{物}取消了{尾}",
    "{日}停{事}{尾}",
    "又停{事}{尾}",
    "{事}停了{尾}",
    "{人}叫你停{事}{尾}",
    "别停{事}{尾}",
    "停一下{事}{尾}",
    "{人}退休{尾}",
    "{人}退烧了{尾}",
    "退群{尾}",
    "别发{物}给{人}{尾}",
    "不要发给{人}{尾}",
    "别给{人}发{物}{尾}",
    "别打给{人}{尾}",
    "不要打扰{人}睡觉{尾}",
    "别烦{人}{尾}",
    "{人}别再{日}出去{尾}",
    "不要再买{物}{尾}",
    "别再吃{物}{尾}",
    "拒收{人}的{物}{尾}",
    "{物}被拒收{尾}",
    "退{物}的钱到了{尾}",
    "{日}{物}结束{尾}",
    "停车费{日}交{尾}",
    "{人}停职{尾}",
    "唔好停{事}{尾}",
    "退咗{物}{尾}",
    "取消咗{物}{尾}",
    "唔好send{物}俾{人}{尾}",
    "不想收{物}{尾}",
    "不需要{物}{尾}",
    "不要{物}{尾}",
    "删掉{人}的照片{尾}",
    "把{人}移出群{尾}",
]


def everyday_stops(count: int, *, seed: int) -> Iterator[str]:
    """Yield `count` messages."""
    dice = random.Random(seed)
    parts = {name: words.split("|") for name, words in _PARTS.items()}
    for _ in range(count):
        text = dice.choice(TEMPLATES)
        for name, words in parts.items():
            while f"{{{name}}}" in text:
                text = text.replace(f"{{{name}}}", dice.choice(words), 1)
        yield text
