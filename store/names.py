"""Names for runs that were given none: an adjective and an animal, easy to say and to tell apart."""

from __future__ import annotations

import random

_ADJECTIVES = """
able agile amber ample ancient aqua arctic autumn azure blithe bold brave breezy bright brisk bronze
calm candid careful cheerful civil clear clever coastal copper coral cosy crimson crisp curious
dapper daring deft distant dusky eager early earnest easy electric elegant emerald fair faithful
fancy fearless festive fleet fluent fond frank fresh friendly frosty gentle gilded glad golden
graceful grand grateful hardy hasty hazel hearty helpful honest humble icy ivory jade jolly jovial
keen kind late leafy lively loyal lucid lucky lunar mellow merry mighty mild misty modest mossy neat
nimble noble northern olive opal patient peaceful placid plucky polite proud quick quiet rapid ready
rosy ruby rustic sandy scarlet serene sharp silent silver sincere sleek smooth snowy solar solid
spry steady stellar stout subtle sunny swift tidy tranquil upbeat valiant velvet vivid warm wise
witty woven young zesty
"""

_ANIMALS = """
adder albatross alpaca anchovy ant antelope armadillo auk badger barracuda bat beaver bee beetle
bison boar bonobo buffalo bumblebee bustard buzzard camel capybara caribou carp cat chamois cheetah
chinchilla cicada cobra cod condor coot cormorant cow coyote crab crane cricket crow cuckoo curlew
deer dingo dolphin donkey dormouse dove dragonfly duck eagle eel egret elk emu ermine falcon ferret
finch flamingo fox frog gazelle gecko gibbon giraffe goat goose grebe grouse gull hamster hare hawk
hedgehog heron herring hippo hornet horse hyena ibex ibis iguana impala jackal jackdaw jaguar jay
kestrel kingfisher kite kiwi koala lapwing lark lemur leopard linnet lion lizard llama lobster lynx
macaw magpie manatee marmot marten meerkat mole mongoose moose moth mouse mule newt nightjar ocelot
octopus orca oryx osprey ostrich otter owl oyster panda panther parrot partridge pelican penguin
pheasant pigeon pika plover porpoise puffin puma quail rabbit raccoon raven reindeer robin rook
salmon seal serval shrew skylark sparrow squid stork swallow swan tapir tern tiger toad trout turtle
viper vole walrus weasel whale wombat wren yak zebra
"""

ADJECTIVES = tuple(_ADJECTIVES.split())
ANIMALS = tuple(_ANIMALS.split())


def new_run_name() -> str:
    """A fresh name such as `swift-heron`; not unique, ids are."""
    return f"{random.choice(ADJECTIVES)}-{random.choice(ANIMALS)}"


def can_be_name(text: str) -> bool:
    """Whether a stored name can be this text: what a shell passes on may be no Unicode, which is refused."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
