"""The bill of a product, from its users to its price for one use."""
# mypy: allow-untyped-defs, allow-untyped-calls

from flopcast.equations.registry import equation


@equation(source="drop-in", unit="user", users="user", adoption="1")
def active_users(users, adoption):
    """Users who use the feature.

    Symbol: none
    Valid: 0 <= adoption <= 1
    """
    return users * adoption


@equation(
    source="drop-in",
    unit="request",
    active_users="user",
    uses_per_user="request/(user*month)",
    billing_time="month",
)
def requests(active_users, uses_per_user, billing_time):
    """All requests in a time of billing.

    Symbol: none
    Valid: an average over the active users
    """
    return active_users * uses_per_user * billing_time


@equation(source="drop-in", unit="USD", requests="request", price_per_request="USD/request")
def product_bill(requests, price_per_request):
    """Bill for the requests of a product, whatever a request makes.

    Symbol: none
    Valid: one price for every request; `image_price_per_request` and `api_price_per_request` make
        it for images and for tokens
    """
    return requests * price_per_request


@equation(
    source="drop-in",
    unit="USD/request",
    image_price="USD/image",
    images_per_request="image/request",
)
def image_price_per_request(image_price, images_per_request=1.0):
    """Price of a request that makes images.

    Symbol: none ("about $0.18 to generate an image")
    Valid: one size and quality of image
    """
    return image_price * images_per_request


@equation(
    source="drop-in",
    unit="USD/request",
    prompt_tokens_per_request="token/request",
    generated_tokens_per_request="token/request",
    input_token_price="USD/Mtoken",
    output_token_price="USD/Mtoken",
)
def api_price_per_request(
    prompt_tokens_per_request, generated_tokens_per_request, input_token_price, output_token_price
):
    """Price of a request to a model that is paid by the token, input and output.

    Symbol: none (pay-per-token pricing)
    Valid: no discount for cached or batched input
    """
    return (
        prompt_tokens_per_request * input_token_price
        + generated_tokens_per_request * output_token_price
    )


@equation(source="drop-in", unit="1", price_rise="1")
def price_rise_factor(price_rise):
    """How many times the old price the new one is.

    Symbol: none ("increasing subscription prices by 300%")
    Valid: up 300 % is four times the price
    """
    return 1.0 + price_rise


@equation(
    source="drop-in",
    unit="USD/(user*month)",
    subscription_price="USD/(user*month)",
    price_rise_factor="1",
)
def raised_subscription_price(subscription_price, price_rise_factor):
    """Price of a subscription after a rise.

    Symbol: none
    Valid: as for the factor
    """
    return subscription_price * price_rise_factor


@equation(
    source="drop-in",
    unit="USD",
    active_users="user",
    subscription_price="USD/(user*month)",
    billing_time="month",
)
def subscription_revenue(active_users, subscription_price, billing_time):
    """Income from the subscriptions of those who use the feature.

    Symbol: none
    Valid: every active user pays
    """
    return active_users * subscription_price * billing_time
