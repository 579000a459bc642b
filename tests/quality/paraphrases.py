"""Short texts written for these tests: each with the same said in other words, and another of the same subject.

Every triple is (text, its paraphrase, a text of the same subject that says something else).
"""

TRIPLES = [
    (
        "The old lighthouse on the northern cape was switched off in 1987, after a radar station made it "
        "unnecessary. Volunteers have since turned the keeper's cottage into a small museum that opens on summer "
        "weekends.",
        "In 1987 the ancient lighthouse of the northern cape went dark because radar had made it superfluous. The "
        "house of its keeper is now a little museum, run by volunteers and open on weekends in summer.",
        "Lighthouses use lenses of many rings of glass, invented by Fresnel, which bend the light of one lamp into "
        "a beam that ships can see from thirty kilometres away.",
    ),
    (
        "To make the bread, mix flour, water, salt and yeast, let the dough rise for two hours, shape it into a "
        "loaf and bake it in a very hot oven for forty minutes.",
        "For this bread you combine flour, yeast, salt and water. Leave the dough two hours to rise, form a loaf, "
        "and bake it forty minutes in an oven that is very hot.",
        "Rye bread keeps longer than bread of wheat because its flour binds more water, and because the acid of its "
        "sour dough keeps mould away for a week or more.",
    ),
    (
        "Researchers found that bees which drank a little caffeine remembered the smell of a flower three times as "
        "well on the next day as bees which drank sugar water alone.",
        "Bees given a small dose of caffeine were three times as likely to remember a flower's scent the day after "
        "as bees that only got sugar water, researchers have found.",
        "A colony of bees survives the winter by forming a cluster around its queen and shivering, which keeps the "
        "middle of the cluster at thirty degrees while the hive freezes.",
    ),
    (
        "The company said on Tuesday that it would close its factory in the valley by the end of the year, and that "
        "four hundred workers would lose their jobs.",
        "By the end of the year the firm will shut its plant in the valley, it announced on Tuesday; four hundred "
        "jobs will be lost.",
        "Shares of the company rose by a tenth on Tuesday after it reported that sales of its new pumps had doubled "
        "in Asia and that it would pay its owners a dividend.",
    ),
    (
        "A sorted list can be searched quickly: compare the wanted value with the one in the middle, then go on "
        "with the half in which it must be, until one element is left.",
        "Searching a sorted list is fast. You compare the middle value with the one you want, continue with "
        "whichever half must hold it, and repeat this until a single element remains.",
        "To sort a list by merging, split it into two halves, sort each of them in the same way, and then take the "
        "smaller of the two first elements again and again until both are empty.",
    ),
    (
        "The river floods the meadows every spring, when snow melts in the mountains. Farmers do not fight the "
        "water, since the mud that it leaves behind makes their hay the best of the region.",
        "Each spring, as the snow of the mountains melts, the river covers the meadows. The farmers let it happen: "
        "the mud it leaves gives them the best hay in the region.",
        "The river was straightened in the nineteenth century for boats that carried coal. Today engineers dig new "
        "bends, so that fish find slow water in which they can lay their eggs.",
    ),
    (
        "Ibrahim learned to play the violin at the age of sixty. He practised every morning before breakfast, and "
        "after five years he joined an orchestra of amateurs in his town.",
        "At sixty Ibrahim took up the violin, practising before breakfast each morning. Five years later he became "
        "a member of his town's amateur orchestra.",
        "A violin is made of spruce and maple, and its varnish changes the sound less than people think; what "
        "counts is the thickness of the plates, which makers test by tapping.",
    ),
    (
        "The council decided to plant two thousand trees along the main streets, because shade can make a pavement "
        "cooler by ten degrees on hot days.",
        "Two thousand trees will be planted beside the main streets, the council has decided, as shade can cool a "
        "pavement by as much as ten degrees in hot weather.",
        "The council raised the price of parking in the main streets to three coins an hour, and wants to use the "
        "money for buses that run until midnight.",
    ),
    (
        "Our hotel lies five minutes from the beach. All rooms have a balcony with a view of the sea, and breakfast "
        "is served in the garden until eleven o'clock.",
        "The beach is a walk of five minutes from our hotel. Every room has a balcony that looks out on the sea, "
        "and you can have breakfast in the garden until eleven.",
        "Our hotel has eight rooms for meetings with up to two hundred seats. Screens, coffee and a person who "
        "knows how to connect your computer are included in the price.",
    ),
    (
        "Copper was the first metal that people melted from ore. They learned to mix it with tin some five thousand "
        "years ago, and the bronze that they got was hard enough for swords.",
        "People melted copper from ore before any other metal. About five thousand years ago they found that mixing "
        "it with tin gives bronze, which is hard enough to make swords of.",
        "Copper carries electricity better than any metal except silver, so most cables are made of it; only lines "
        "across the country use aluminium, which is lighter.",
    ),
    (
        "The referee stopped the match after seventy minutes, when heavy rain had turned the field into a lake. It "
        "will be played again from the start on the first Sunday of May.",
        "Because heavy rain had made a lake of the field, the referee ended the match after seventy minutes. On the "
        "first Sunday in May the teams will play again, from the beginning.",
        "The captain scored twice in the last ten minutes, so that the team that had lost its five matches before "
        "won three to two and left the last place of the table.",
    ),
    (
        "If the washing machine does not start, check first whether the door is closed and the tap is open. Then "
        "pull the plug, wait for one minute and try again before you call the service.",
        "When your washing machine won't start, first make sure that its door is shut and the tap open. After that "
        "unplug it, wait a minute, and try once more before calling the service.",
        "If the washing machine leaves white spots on dark clothes, use less powder or a liquid, and clean the "
        "drawer, in which wet powder turns into lumps.",
    ),
]
