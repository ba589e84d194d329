select this_way.*
from {{ ref('opportunities') }} as this_way
inner join {{ ref('opportunities') }} as swapped
    on
        this_way.base = swapped.base
        and this_way.long_venue = swapped.short_venue
        and this_way.long_symbol = swapped.short_symbol
        and this_way.short_venue = swapped.long_venue
        and this_way.short_symbol = swapped.long_symbol
