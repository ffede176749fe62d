"""Ordinary messages of every day, made of templates: none of them refuses anything or rates anybody."""

import random
from collections.abc import Iterator

_WORDS = {
    "name": ["Tom", "Anna", "mum", "Mr Lee", "John", "Mei", "grandma"],
    "姓": ["小王", "妈妈", "李姐", "阿明", "张老师", "爸爸", "二叔"],
    "n": ["2", "3", "4", "5", "6", "7", "8", "9", "10", "12"],
    "hour": ["5", "6", "7:30", "8", "9", "10:15", "half past 4"],
    "code": ["482913", "1204", "90321", "775120"],
    "money": ["£5", "$12.50", "€3", "5 pounds", "20 dollars"],
    "元": ["5块", "35元", "12.5元", "100块钱"],
    "place": ["the station", "Bugis", "gate 5", "the office", "room 3", "Mill Road", "platform 2"],
    "地": ["公司楼下", "3号门", "地铁站", "学校", "超市", "医院", "5号楼"],
    "food": ["rice", "noodles", "pizza", "milk", "eggs", "fish"],
    "菜": ["鱼", "面条", "牛肉", "鸡蛋", "西红柿", "豆腐"],
    "day": ["Monday", "tomorrow", "tonight", "next week", "Saturday"],
    "日": ["明天", "今晚", "周五", "下周", "5月5日", "后天"],
    "tail": ["", " ok?", " :)", " xx", " thanks", "!", " lol", " lah"],
    "尾": ["", "吧", "哈", "，谢谢", "！", "哦", "呢"],
}
_TEMPLATES = [
    "See you at {hour}{tail}",
    "I'll stop by {place} {day}{tail}",
    "Don't stop now, {n} km to go{tail}",
    "Can you get {n} {food} from {place}{tail}",
    "{name} will be there at {hour}{tail}",
    "The bus stops at {place}{tail}",
    "Your code is {code}",
    "I paid {money} for {food}{tail}",
    "Meeting moved to {hour} {day}",
    "Running {n} minutes late{tail}",
    "Cancel the dinner with {name} {day}{tail}",
    "Is {name} coming {day}{tail}",
    "Parcel {code} is at {place}",
    "I am at {place}, where are you?",
    "Please return the {food} to {place}",
    "The end of the film was sad{tail}",
    "{name} quit smoking {day}",
    "Can't stop laughing at {name}{tail}",
    "Happy birthday {name}{tail}",
    "Good morning {name}{tail}",
    "Good luck {day} {name}",
    "call me when you reach {place}",
    "We need {n} more chairs for {day}",
    "I told {name} to stop worrying",
    "Remove the {food} from the oven at {hour}",
    "{name} lives at {n} {place}",
    "Flight {code} leaves {day} at {hour}",
    "Did {name} end up buying {food}?",
    "The rain will stop {day}{tail}",
    "Reading chapter {n} {day}{tail}",
    "tell {name} not to text while driving",
    "{name} said the {food} was {money}",
    "我{日}{n}点到{地}{尾}",
    "你到{地}等我{尾}",
    "帮我买{n}个{菜}{尾}",
    "快递放{地}了，取件码{code}",
    "验证码{code}，5分钟内有效",
    "{姓}{日}不来了{尾}",
    "会议改到{日}{n}点",
    "这件要退货，{元}退回来了",
    "我取消订单了，{元}",
    "{姓}说{日}停电，记得充电",
    "别忘了买{菜}{尾}",
    "{日}在{地}吃{菜}好不好",
    "{姓}的电话是13800{code}",
    "路上堵车，晚{n}分钟{尾}",
    "好久不见，{日}一起吃饭{尾}",
    "{元}一斤，买了{n}斤{菜}",
    "早上好{姓}{尾}",
    "第{n}节课在{地}",
    "一会儿去{地}接{姓}{尾}",
    "把照片发给{姓}{尾}",
    "{姓}退休了，{日}聚一聚",
    "停车场在{地}{尾}",
    "我喺{地}等你，{n}點見",
    "聽日{n}點去飲茶好唔好",
    "唔好唔記得買{菜}呀",
    "{姓}話{日}返嚟食飯",
    "幫我訂{日}{n}點嘅位",
    "排隊排咗{n}個鐘",
    "{日}記得帶雨傘{尾}",
    "包裹{code}已到{地}",
]


def everyday(count: int, *, seed: int) -> Iterator[str]:
    """Yield `count` messages."""
    dice = random.Random(seed)
    for _ in range(count):
        text = dice.choice(_TEMPLATES)
        for name, words in _WORDS.items():
            while f"{{{name}}}" in text:
                text = text.replace(f"{{{name}}}", dice.choice(words), 1)
        yield text
