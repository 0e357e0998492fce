/** The journal's one entry: [heading, paragraphs]; long enough to scroll. */
export const journal = [
  ["", [
    "A glaze is a thin coat of glass. It goes on as a milky liquid that tells you nothing: grey turns blue, pink turns brown, and what you wanted shows only after a day in the kiln.",
    "People ask how we get the colours. The short answer is that we write everything down and are still wrong one time in eight. This is the long answer.",
  ]],
  ["Five powders", [
    "We mix ours from five powders. Silica makes the glass, feldspar lets it melt, clay holds it on the wall of the pot, chalk hardens it, and a pinch of metal gives the colour: iron for the browns, copper for the greens, cobalt for the blue of the Harbour Mug.",
    "The powders are weighed to the gram, sieved twice through a mesh as fine as a stocking, and left in a bucket overnight. A glaze that is used on the day it was mixed has pinholes. Nobody has ever explained to us why a night makes the difference, so we sleep, and it works.",
    "Each bucket has a card with its date, its weights and a fired chip of clay on a string. There are two hundred and eleven buckets' worth of chips on the wall. New people spend their first week looking at them.",
  ]],
  ["Two seconds", [
    "Dipping takes two seconds. One more, and the coat runs and glues the pot to the shelf; one less, and the clay shows through. We count aloud. Visitors think it is a ritual, and by now it is.",
    "The foot of every pot is waxed first, so that it stays bare. That ring of plain clay under your mug is not thrift: it is the only part that may touch the shelf while everything else is liquid.",
  ]],
  ["The climb and the fall", [
    "Then the kiln. It climbs for nine hours to 1,240 degrees, stays there for twenty minutes, and falls for sixteen. Most of the work is in the falling: crystals grow in the cooling glass, and a kiln that falls too fast grows none.",
    "We open the door at sixty degrees, too early, every time. The pots tick as they cool, a sound like rain on a tin roof two streets away. About one in eight is not what we wanted. Some of those are better, and they are never in the shop.",
    "The kiln has a cold corner at the back on the left. For a year we fought it with bricks and a fan. Then somebody put the Moss Teapots there, and now the corner is theirs: the green needs those missing fifteen degrees.",
  ]],
  ["The recipe", [
    "We give the recipe away. What cannot be given away is the kiln, and the well, whose water has more lime in it than the next one. The same powders make another green ten kilometres from here.",
    "So if you want the green of the Moss Teapot, you can have the recipe and a good deal of patience, or ours.",
  ]],
];
